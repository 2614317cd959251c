// Knows: how the flow of data is written for Mermaid (https://mermaid.js.org/syntax/flowchart.html). Must not know: how it follows from a configuration.
import type { FlowEdge, FlowGraph, FlowNode } from "../config/graph.ts";
import { placeText } from "./graph-text.ts";
import { visible } from "./wording.ts";

/** A flowchart with a box around what is on each other machine. */
export function graphMermaid({ nodes, edges }: FlowGraph): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const nameOf = (id: string): string => names.get(id) ?? "";
  const here = nodes.filter(({ host }) => host === undefined);
  const elsewhere = Map.groupBy(
    nodes.filter(({ host }) => host !== undefined),
    ({ host = "" }) => host,
  );
  const lines = [
    "flowchart LR",
    ...here.map((node) => `  ${nameOf(node.id)}${shape(node)}`),
    ...[...elsewhere].flatMap(([host, there], index) => [
      `  subgraph host${index}[${quoted(`host ${host}`)}]`,
      ...there.map((node) => `    ${nameOf(node.id)}${shape(node)}`),
      "  end",
    ]),
    ...edges.map((edge) => `  ${nameOf(edge.from)} ${arrows[edge.kind]} ${nameOf(edge.to)}`),
  ];
  return `${lines.join("\n")}\n`;
}

const arrows: Readonly<Record<FlowEdge["kind"], string>> = {
  reads: "-->",
  writes: "==>",
  copies: "-. copy .->",
};

function shape(node: FlowNode): string {
  const { kind, name, engine = "", disabled } = node;
  switch (kind) {
    case "source":
      return `[${quoted(name)}]`;
    case "job":
      return `([${quoted(disabled === true ? `${name} (disabled)` : name)}])`;
    case "repository":
      return `[(${quoted(name, `${engine}, ${placeText(node)}`)})]`;
  }
}

/** A label of one or more lines. Nothing in it means anything to Mermaid or to the page that it is on. */
function quoted(...lines: readonly string[]): string {
  const escaped = lines.map((line) =>
    visible(line).replaceAll(/[#&<>"`\\]/g, (character) => `#${character.codePointAt(0)};`),
  );
  return `"${escaped.join("<br>")}"`;
}
