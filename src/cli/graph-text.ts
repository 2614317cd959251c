// Knows: how the flow of data is drawn for a terminal. Must not know: how it follows from a configuration.
import type { FlowGraph, FlowNode } from "../config/graph.ts";
import type { Paint } from "./paint.ts";
import { visible } from "./wording.ts";

interface Branch {
  readonly text: string;
  readonly below: readonly Branch[];
}

/**
 * A tree for each job that reads no other one's repository: what it reads, where that is kept, what is
 * copied from there, and which jobs read it further.
 */
export function graphText(graph: FlowGraph, paint: Paint): string {
  const drawing = new Drawing(graph, paint);
  return drawing
    .trees()
    .map((tree) => `${lines(tree).join("\n")}\n`)
    .join("\n");
}

function lines({ text, below }: Branch): readonly string[] {
  return [
    text,
    ...below.flatMap((branch, index) => {
      const isLast = index === below.length - 1;
      const [first = "", ...more] = lines(branch);
      return [
        `${isLast ? "└─ " : "├─ "}${first}`,
        ...more.map((line) => `${isLast ? "   " : "│  "}${line}`),
      ];
    }),
  ];
}

class Drawing {
  readonly #graph: FlowGraph;
  readonly #paint: Paint;
  readonly #nodes: ReadonlyMap<string, FlowNode>;
  /** Jobs that read several repositories are drawn whole only once. */
  readonly #drawn = new Set<string>();

  constructor(graph: FlowGraph, paint: Paint) {
    this.#graph = graph;
    this.#paint = paint;
    this.#nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  }

  trees(): readonly Branch[] {
    const { nodes, edges } = this.#graph;
    const readsOthers = (id: string): boolean =>
      edges.some(({ from, to }) => to === id && this.#nodes.get(from)?.kind === "repository");
    const jobs = nodes.filter(({ kind, id }) => kind === "job" && !readsOthers(id));
    const unused = nodes.filter(
      ({ kind, id }) => kind === "repository" && !edges.some(({ to }) => to === id),
    );
    return [
      ...jobs.map((job) => this.#job(job, "")),
      ...unused.map((node) => ({
        text: `${this.#described(node)}: no job writes to it`,
        below: [],
      })),
    ];
  }

  #job(job: FlowNode, before: string): Branch {
    const name = `${before}${this.#paint.bold(visible(job.name))}`;
    const text = job.disabled === true ? `${name} (disabled)` : name;
    if (this.#drawn.has(job.id)) return { text: `${text} (see above)`, below: [] };
    this.#drawn.add(job.id);
    const read = this.#to(job.id).map((node) => ({
      text: `reads  ${this.#described(node)}`,
      below: [],
    }));
    const kept = this.#from(job.id, "writes").map((node) => this.#repository(node, "keeps  "));
    return { text, below: [...read, ...kept] };
  }

  #repository(repository: FlowNode, before: string): Branch {
    return {
      text: `${before}${this.#described(repository)}`,
      below: [
        ...this.#from(repository.id, "copies").map((node) => this.#repository(node, "copied to  ")),
        ...this.#from(repository.id, "reads").map((job) => this.#job(job, "read by  ")),
      ],
    };
  }

  #from(id: string, kind: FlowGraph["edges"][number]["kind"]): readonly FlowNode[] {
    const edges = this.#graph.edges.filter((edge) => edge.from === id && edge.kind === kind);
    return edges.flatMap(({ to }) => this.#nodes.get(to) ?? []);
  }

  #to(id: string): readonly FlowNode[] {
    const edges = this.#graph.edges.filter((edge) => edge.to === id);
    return edges.flatMap(({ from }) => this.#nodes.get(from) ?? []);
  }

  #described(node: FlowNode): string {
    if (node.kind === "source") {
      return `${visible(node.name)}${this.#paint.dim(hostText(node))}`;
    }
    const where = `${placeText(node)}${hostText(node)}`;
    return `${visible(node.name)}${this.#paint.dim(` (${node.engine}, ${visible(where)})`)}`;
  }
}

function hostText({ host }: Pick<FlowNode, "host">): string {
  return host === undefined ? "" : ` on host ${host}`;
}

/** Where a node is, as the configuration writes it. */
export function placeText({ volume, path = "" }: Pick<FlowNode, "volume" | "path">): string {
  return volume === undefined ? path : `${volume}:${path}`;
}
