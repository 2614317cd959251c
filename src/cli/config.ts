// Knows: the command `config`.
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";
import { count } from "./wording.ts";

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
    .description("Shows the configuration as it is understood, with secrets masked.")
    .withExamples(["holdfast config show", "show the configuration in use"])
    .action(async () => act(showConfiguration));
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
