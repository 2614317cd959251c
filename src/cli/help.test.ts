import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { CommandNode } from "./command-node.ts";
import { commandTree } from "./command-tree.ts";

const golden = join(import.meta.dirname, "testdata/help");
const asItIs = { serializers: [String] };

const tree = commandTree(async () => {}, { write() {}, width: 80, colours: false });

/** Every command with the words that it is called by. */
function named(command: CommandNode, above: readonly string[] = []): [string[], CommandNode][] {
  const words = [...above, command.name()];
  const below = command.commands.filter((child) => child instanceof CommandNode);
  return [[words, command], ...below.flatMap((child) => named(child, words))];
}

suite("the help of", () => {
  for (const [words, command] of named(tree)) {
    test(words.join(" "), (t) => {
      let text = "";
      command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });

      command.outputHelp();

      t.assert.fileSnapshot(text, join(golden, `${words.join("-")}.txt`), asItIs);
    });
  }
});

test("every command that does something has examples, and they call it", () => {
  for (const [words, command] of named(tree)) {
    if (command.commands.length > 0 && words.length > 1) continue;

    assert.ok(command.examples.length > 0, `${words.join(" ")} has no example`);
    for (const [line] of command.examples)
      assert.match(line, new RegExp(`\\b${words.join(" ")}\\b`));
  }
});

test("no command takes an option for itself that all have", () => {
  const everywhere = new Set(tree.options.flatMap(({ long, short }) => [long, short]));

  for (const [words, command] of named(tree).slice(1)) {
    for (const { long, short } of command.options) {
      assert.ok(!everywhere.has(long), `${words.join(" ")} ${long}`);
      assert.ok(short === undefined || !everywhere.has(short), `${words.join(" ")} ${short}`);
    }
  }
});
