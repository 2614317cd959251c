// The completions in real shells: what is typed, Tab, and what the shell made of the line.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import type { Readable } from "node:stream";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { holdfastProgram, newUser, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);

const configuration = {
  repositories: {
    cellar: { engine: "restic", at: "/nonexistent/cellar", password: { env: "NONE" } },
    attic: { engine: "restic", at: "/nonexistent/attic", password: { env: "NONE" } },
  },
  jobs: {
    documents: { sources: ["/nonexistent/documents"], repository: "cellar", copies: ["attic"] },
  },
  notifiers: { phone: { type: "ntfy", topic: "backups" } },
};

/** A user whose PATH has the program, with a configuration. */
async function configuredUser(): Promise<User> {
  const user = await newUser();
  await mkdir(user.at("bin"));
  await symlink(holdfastProgram, user.at("bin/holdfast"));
  await user.configure(configuration);
  return user;
}

function environmentOf(user: User): NodeJS.ProcessEnv {
  return user.environment({ PATH: `${user.at("bin")}:${process.env["PATH"]}`, TERM: "dumb" });
}

// What is typed before Tab, and the line after it: the same for every shell.
const lines: readonly (readonly [typed: string, completed: string])[] = [
  ["holdfast hist", "holdfast history "],
  ["holdfast config sch", "holdfast config schema "],
  ["holdfast status doc", "holdfast status documents "],
  ["holdfast run --dry", "holdfast run --dry-run "],
  ["holdfast run --only pru", "holdfast run --only prune "],
  ["holdfast restore --from at", "holdfast restore --from attic "],
  ["holdfast run --only=pru", "holdfast run --only=prune "],
  ["holdfast restore documents@lat", "holdfast restore documents@latest "],
  ["holdfast restore documents@", "holdfast restore documents@latest "],
  ["holdfast notify test ph", "holdfast notify test phone "],
  ["holdfast completion fi", "holdfast completion fish "],
  ["holdfast --config .conf", "holdfast --config .config/"],
];

interface Shell {
  readonly name: string;
  /** Starts it on a terminal, as a person does. */
  readonly command: string;
  /** Loads the completions, and makes Ctrl-G print the line that is being edited. */
  readonly preparation: string;
}

const shells: readonly Shell[] = [
  {
    name: "bash",
    command: "bash --norc --noprofile -i",
    preparation: `source <(holdfast completion bash); show() { printf '<%s>\\n' "$READLINE_LINE"; }; bind -x '"\\C-g": show'`,
  },
  {
    name: "zsh",
    command: "zsh -f -i",
    preparation: `autoload -U compinit; compinit -u; source <(holdfast completion zsh); show() { print -r -- "<$BUFFER>" }; zle -N show; bindkey '^G' show`,
  },
];

/** What the lines became, in a shell that reads these keys from a terminal. */
async function typedInto(
  shell: Shell,
  user: User,
  typed: readonly string[],
): Promise<readonly string[]> {
  const child = spawn("script", ["--quiet", "--return", "--command", shell.command, "/dev/null"], {
    cwd: user.home,
    env: environmentOf(user),
  });
  const terminal = new Terminal(child.stdout);
  // Written in two parts, so that the echo of this line is not taken for the prompt.
  child.stdin.write(`${shell.preparation}; PS1="rea""dy> "\n`);
  await terminal.shows(/ready> /);
  const completed: string[] = [];
  for (const line of typed) {
    // Ctrl-G prints the line, Ctrl-U throws it away.
    child.stdin.write(`${line}\t\u0007\u0015`);
    const [, shown = ""] = await terminal.shows(/<(holdfast[^>\n\r]*)>/);
    completed.push(shown);
  }
  child.stdin.end("exit\n");
  await once(child, "close");
  return completed;
}

/** What a program writes to its terminal, to be waited for. */
class Terminal {
  #unread = "";
  #arrived = Promise.withResolvers<void>();

  constructor(output: Readable) {
    output.setEncoding("utf8");
    output.on("data", (part: string) => {
      this.#unread += part;
      this.#arrived.resolve();
    });
    output.on("end", () => this.#arrived.reject(new Error(`it ended after: ${this.#unread}`)));
  }

  /** Waits until this is shown, and forgets all that was shown up to it. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#unread);
      if (found !== null) {
        this.#unread = this.#unread.slice(found.index + found[0].length);
        return found;
      }
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }
}

for (const shell of shells) {
  suite(`completions in ${shell.name}`, { skip: withoutTools(shell.name, "script") }, () => {
    test("finish commands, options, and the names of what is configured", async () => {
      await using user = await configuredUser();

      const completed = await typedInto(
        shell,
        user,
        lines.map(([typed]) => typed),
      );

      assert.deepEqual(
        completed,
        lines.map(([, line]) => line),
      );
    });

    test("add nothing and say nothing without a configuration", async () => {
      await using user = await configuredUser();
      await user.write(".config/holdfast/holdfast.yaml", "jobs: [broken");

      const completed = await typedInto(shell, user, ["holdfast status doc", "holdfast hist"]);

      assert.deepEqual(completed, ["holdfast status doc", "holdfast history "]);
    });

    test("do not run what is typed", async () => {
      await using user = await configuredUser();

      await typedInto(shell, user, [
        "holdfast status $(touch pwned) d",
        "holdfast `touch pwned` d",
      ]);

      await assert.rejects(execute("ls", [user.at("pwned")]));
    });
  });
}

/** What fish offers for a line. */
async function completedBy(user: User, line: string): Promise<readonly string[]> {
  const script = `holdfast completion fish | source; complete --do-complete ${JSON.stringify(line)}`;
  const { stdout } = await execute("fish", ["--no-config", "--command", script], {
    cwd: user.home,
    env: environmentOf(user),
  });
  return stdout.split("\n").flatMap((row) => (row === "" ? [] : [row.split("\t")[0] ?? ""]));
}

suite("completions in fish", { skip: withoutTools("fish") }, () => {
  test("finish commands, options, and the names of what is configured", async () => {
    await using user = await configuredUser();

    for (const [typed, line] of lines) {
      const word = line.trimEnd().split(" ").at(-1);
      assert.deepEqual(await completedBy(user, typed), [word], typed);
    }
  });

  test("add nothing without a configuration", async () => {
    await using user = await configuredUser();
    await user.write(".config/holdfast/holdfast.yaml", "jobs: [broken");

    assert.deepEqual(await completedBy(user, "holdfast status doc"), []);
  });
});
