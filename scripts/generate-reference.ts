// Writes the pages of docs/reference that are made of the schema and the command tree.
// With --check it writes nothing and fails when a page is not what it would write.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commandReference } from "../src/cli/reference.ts";
import { configReference, jsonSchema } from "../src/config/document.ts";

const folder = join(import.meta.dirname, "../docs/reference");

/** What each page says. A new page is a line here. */
const pages: Readonly<Record<string, () => string>> = {
  "commands.md": commandReference,
  "config.md": configReference,
  "holdfast.schema.json": () => `${JSON.stringify(jsonSchema(), undefined, 2)}\n`,
};

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });

function present(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // Not there yet, which is a page that differs.
  }
}

mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const file = join(folder, name);
  const wanted = text();
  if (present(file) === wanted) continue;
  if (values.check) {
    console.error(`docs/reference/${name} is out of date: run node scripts/generate-reference.ts`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
    console.log(`wrote docs/reference/${name}`);
  }
}
