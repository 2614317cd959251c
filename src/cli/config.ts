// Knows: the command `config`.
import { Option } from "commander";
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";
import { count } from "./wording.ts";

const graphFormats = ["text", "mermaid", "json"] as const;

interface ShowOptions {
  readonly graph?: (typeof graphFormats)[number];
}

/** Adds `config` and what belongs to it. */
export function addConfig(tree: CommandNode, act: Act): void {
  const config = tree
    .command("config")
    .summary("check, show and explain the configuration")
    .description("Checks, shows and explains the configuration.");
  config
    .command("check")
    .summary("look for mistakes")
    .description("Reads the configuration and names every mistake with its line and column.")
    .withExamples(["holdfast config check", "look for mistakes in the configuration in use"])
    .action(async () => act(checkConfig));
  config
    .command("show")
    .summary("show it as it is understood")
    .description(
      "Shows the configuration as it is understood, with secrets masked, or what flows where in it.",
    )
    .addOption(
      new Option("--graph [format]", "draw which jobs read what, where it is kept and copied")
        .choices(graphFormats)
        .preset("text"),
    )
    .withExamples(
      ["holdfast config show", "show the configuration in use"],
      ["holdfast config show --graph", "draw what flows where"],
      ["holdfast config show --graph mermaid > flow.mmd", "the same for a page or a wiki"],
    )
    .action(async ({ graph }: ShowOptions) =>
      act(async (session) =>
        graph === undefined ? await showConfiguration(session) : await drawGraph(session, graph),
      ),
    );
  config
    .command("schema")
    .summary("print its JSON Schema")
    .description("Prints the JSON Schema of the configuration, for editors.")
    .withExamples(["holdfast config schema > holdfast.schema.json", "write it to a file"])
    .action(async () => act(printSchema));
  config
    .command("example")
    .summary("print a commented example")
    .description("Prints a commented example of a configuration, to start from.")
    .withExamples(["holdfast config example > holdfast.yaml", "start from the example"])
    .action(async () => act(printExample));
}

async function checkConfig({ loadConfig, output }: Session): Promise<number> {
  const { file, jobs, repositories, warnings } = await loadConfig();

  output.document({ file, jobs: [...jobs.keys()], warnings });
  output.text(
    `${file}: no mistakes (${count(jobs.size, "job")}, ${count(repositories.size, "repository", "repositories")})\n`,
  );
  const warning = 3;
  return warnings.length > 0 ? warning : 0;
}

async function showConfiguration({ loadConfig, output }: Session): Promise<number> {
  const { effectiveConfig, showConfig } = await import("../config/document.ts");
  const config = await loadConfig();

  output.document({ file: config.file, config: effectiveConfig(config) });
  output.text(showConfig(config));
  return 0;
}

async function drawGraph(
  { loadConfig, output }: Session,
  format: (typeof graphFormats)[number],
): Promise<number> {
  const { flowOf } = await import("../config/graph.ts");
  const config = await loadConfig();
  const graph = flowOf(config);

  output.document({ file: config.file, ...graph }, output.options.json || format === "json");
  if (format === "text") {
    const { graphText } = await import("./graph-text.ts");
    output.text(graphText(graph, output.paint));
  }
  if (format === "mermaid") {
    const { graphMermaid } = await import("./graph-mermaid.ts");
    output.text(graphMermaid(graph));
  }
  return 0;
}

async function printSchema({ output }: Session): Promise<number> {
  const { jsonSchema } = await import("../config/document.ts");

  output.raw(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
  return 0;
}

async function printExample({ output }: Session): Promise<number> {
  const { exampleConfig } = await import("../config/document.ts");

  output.raw(exampleConfig());
  return 0;
}
