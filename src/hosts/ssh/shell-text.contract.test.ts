// What is sent to another machine means the same in every login shell.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { withoutTools } from "../../../test/support/tools.ts";
import { findExecutable } from "../executable.ts";
import { localHost } from "../local.ts";
import { lineForAnyShell, quoteWords, scriptAsInput, scriptReader } from "./shell-text.ts";

const words = [
  "",
  "a b",
  "'",
  '"',
  "\\",
  "\\\\n",
  "!!",
  "$HOME",
  "`id`",
  "a\n\nb\n",
  "%s",
  "é🗄",
  "-n",
  "~",
  "*",
];
const script = `for w in ${quoteWords(words)}; do printf '%s\\0' "$w"; done; cat`;
const usual = ["sh", "dash", "bash", "zsh", "fish"];
// Debian has them in packages that the tests do not ask for.
const others = ["tcsh", "mksh", "busybox"].filter(
  (shell) => findExecutable(shell, process.env).kind === "found",
);

for (const shell of [...usual, ...others]) {
  suite(`${shell} as a login shell`, { skip: withoutTools(shell) }, () => {
    const start = shell === "busybox" ? ([shell, "sh"] as const) : ([shell] as const);

    test("reads a script and leaves the rest of the input to it", async ({ signal }) => {
      const [program, ...rest] = start;
      const argv = [program, ...rest, "-c", scriptReader] as const;
      const stdin = `${scriptAsInput(script, "end-of-script")}the\nrest`;

      const { stdout } = await localHost().run({ argv, stdin, effect: "reads" }, signal);

      assert.deepEqual(stdout.split("\0"), [...words, "the\nrest"]);
    });

    test("passes on a script that stands in the line", async ({ signal }) => {
      const [program, ...rest] = start;
      const argv = [program, ...rest, "-c", lineForAnyShell(script)] as const;

      const { stdout } = await localHost().run({ argv, stdin: "rest", effect: "reads" }, signal);

      assert.deepEqual(stdout.split("\0"), [...words, "rest"]);
    });

    test("runs nothing of half a script", async ({ signal }) => {
      const [program, ...rest] = start;
      const argv = [program, ...rest, "-c", scriptReader] as const;
      const stdin = "end-of-script\necho half\n";

      const running = localHost().run({ argv, stdin, effect: "reads", okExits: [255] }, signal);

      assert.equal((await running).stdout, "");
    });
  });
}
