// Servers that differ from the ordinary: that allow little, talk too much, or have no room.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { Secret } from "../../kernel/secret.ts";
import { CommandFailed } from "../command-failed.ts";
import type { Command } from "../host.ts";
import { anywhere, type Hosts, openHosts } from "../hosts.ts";
import { localHost } from "../local.ts";
import { pipeAcross } from "../pipe-across.ts";
import { AnyHost } from "./index.ts";

const never = new AbortController().signal;

function open(hosts: Readonly<Record<string, unknown>>): Hosts {
  const specs = new Map(Object.entries(hosts).map(([name, host]) => [name, AnyHost.parse(host)]));
  return openHosts({ here: localHost({ graceMs: 500 }), specs, choice: anywhere });
}

function sh(script: string, ...words: readonly string[]): Command {
  return { argv: ["sh", "-c", script, "sh", ...words], effect: "reads" };
}

suite("a server", { skip: withoutTools(...sshdTools) }, () => {
  let ordinary: Sshd;
  before(async () => {
    ordinary = await startSshd();
  });
  after(async () => await ordinary[Symbol.asyncDispose]());

  async function odd(...lines: readonly string[]): Promise<Sshd> {
    return await startSshd({ keysOf: ordinary, lines });
  }

  test("that allows two sessions runs all that is asked of it, one by one", async () => {
    await using server = await odd("MaxSessions 2");
    await using hosts = open({ nas: server.entry });
    const numbers = Array.from({ length: 24 }, (_, index) => `${index}\n`);

    const results = await Promise.all(
      numbers.map(async (_, index) => {
        return await hosts.get("nas").run(sh('echo "$1"', String(index)), never);
      }),
    );

    assert.deepEqual(
      results.map(({ stdout }) => stdout),
      numbers,
    );
    assert.equal(server.connections(), 1);
  });

  test("that allows one session is named, with what has to be changed there", async () => {
    await using server = await odd("MaxSessions 1");
    await using hosts = open({ nas: server.entry });

    const outcomes = await Promise.allSettled(
      Array.from({ length: 24 }, async () => await hosts.get("nas").run(sh("true"), never)),
    );

    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof HoldfastError);
      assert.equal(outcome.reason.code, "host-unreachable");
      assert.match(outcome.reason.hint ?? "", /MaxSessions .*at least 4/);
    }
  });

  test("that allows too few sessions for a pipe is named, and nothing of it goes on", async () => {
    await using server = await odd("MaxSessions 2");
    await using hosts = open({ nas: server.entry });

    const piping = hosts.get("nas").pipe([sh("exec sleep 300"), sh("cat")], never);

    await assert.rejects(piping, { code: "host-unreachable", hint: /MaxSessions .* 4 are needed/ });
  });

  suite("whose login shell talks", () => {
    // As files like .bashrc do: sshd gives every command to a shell that reads them first.
    const noise =
      "echo Welcome; printf 'no end'; echo noise >&2; printf 'no end' >&2; eval \"$SSH_ORIGINAL_COMMAND\"";

    test("is named", async () => {
      await using server = await odd(`ForceCommand ${noise}`);
      await using hosts = open({ nas: server.entry });

      const findings = await hosts.examine("nas", never);

      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [
          ["host-reachable", "ok"],
          ["host-shell-chatty", "warning"],
        ],
      );
    });

    test("says nothing that is taken for the words of a command", async () => {
      await using server = await odd(`ForceCommand ${noise}`);
      await using hosts = open({ nas: server.entry });
      const nas = hosts.get("nas");
      const lines: string[] = [];
      await using scratch = await nas.scratch();

      const result = await nas.run(sh("cat; echo err >&2"), never);
      const given = await nas.run({ ...sh("cat; echo err >&2"), stdin: "a\n\nb" }, never, {
        stdoutLine: (line) => lines.push(line),
        stderrLine: (line) => lines.push(line),
      });
      const { stdout, stages } = await nas.pipe([sh("seq 3"), sh("cat")], never);
      const states = await nas.inspect(["/", scratch.path, "/none"], never);

      assert.deepEqual(
        [result.stdout, result.stderr, result.truncated, given.stderr],
        ["", "err\n", false, "err\n"],
      );
      assert.deepEqual(lines.toSorted(), ["", "a", "b", "err"]);
      assert.deepEqual([stdout, stages.map(({ stderr }) => stderr)], ["1\n2\n3\n", ["", ""]]);
      assert.deepEqual(
        states.map(({ kind }) => kind),
        ["directory", "directory", "missing"],
      );
    });

    test("may take bytes of others, but gives none that would begin with its words", async () => {
      await using server = await odd(`ForceCommand ${noise}`);
      await using hosts = open({ nas: server.entry });
      const { here } = hosts;
      const file = join(await mkdtemp(join(tmpdir(), "holdfast-taken-")), "file");
      await using stack = new AsyncDisposableStack();
      stack.defer(async () => await rm(join(file, ".."), { recursive: true }));
      const there = { host: hosts.get("nas"), command: sh('cat >"$1"', file) };

      await pipeAcross([{ host: here, command: sh("echo data") }, there], { here, signal: never });
      const { stdout } = await here.run(sh('cat "$1"', file), never);
      const giving = pipeAcross(
        [
          { ...there, command: sh("echo data") },
          { host: here, command: sh("cat") },
        ],
        { here, signal: never },
      );

      assert.equal(stdout, "data\n");
      await assert.rejects(giving, {
        code: "command-failed",
        message: /login shell of host "nas"/,
      });
    });
  });

  for (const value of [false, "no", "OFF", '"no"', "= no"]) {
    test(`whose host key is not checked (${JSON.stringify(value)}) is named`, async () => {
      const options = { StrictHostKeyChecking: value };
      await using hosts = open({ nas: { ...ordinary.entry, options } });

      const findings = await hosts.examine("nas", never);

      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [
          ["host-keys-unchecked", "warning"],
          ["host-reachable", "ok"],
        ],
      );
    });
  }

  const asRoot = process.getuid?.() === 0 ? false : "mounting needs root";
  test("whose temporary folder is full or executes nothing", { skip: asRoot }, async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "holdfast-full-"));
    stack.defer(async () => await rm(folder, { recursive: true }));
    const here = localHost();
    const options = "size=64k,noexec,mode=1777";
    const mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder] as const;
    await here.run({ argv: mount, effect: "writes" }, never);
    stack.defer(async () => {
      await here.run({ argv: ["umount", "--lazy", folder], effect: "writes" }, never);
    });
    const server = stack.use(await odd(`SetEnv TMPDIR=${folder} XDG_RUNTIME_DIR=`));
    const hosts = stack.use(open({ nas: server.entry }));
    const nas = hosts.get("nas");

    const { stdout } = await nas.run(sh("echo fine"), never);
    await here.run(sh('cat /dev/zero >"$1/filler" 2>/dev/null || true', folder), never);
    const running = nas.run(sh("echo never"), never);

    assert.equal(stdout, "fine\n");
    await assert.rejects(running, {
      code: "command-failed",
      message: /host "nas" cannot write into .*holdfast-full-/,
      hint: /^see whether that file system is full: df /,
    });
  });

  test("tells an exit status as it was, and a signal where there can be one", async () => {
    await using hosts = open({ nas: ordinary.entry });
    const okExits = [143, 255, 254];

    const results = await Promise.all(
      ["exit 255", "exit 254", "kill -TERM $$", "exit 143"].map(async (script) => {
        return await hosts.get("nas").run({ ...sh(script), okExits }, never);
      }),
    );

    assert.deepEqual(
      results.map(({ exitStatus, signal }) => [exitStatus, signal]),
      [
        [255, undefined],
        [254, undefined],
        [143, "SIGTERM"],
        // A shell says no more than that: a signal is the likelier of the two.
        [143, "SIGTERM"],
      ],
    );
  });

  suite("and a pipe across machines", () => {
    test("keeps the status and the words of a command that ends with 255", async () => {
      await using hosts = open({ nas: ordinary.entry });
      const { here } = hosts;
      const host = hosts.get("nas");

      for (const [script, message] of [
        ["exit 255", "sh failed with exit status 255"],
        ["echo why >&2; exit 255", "sh failed with exit status 255: why"],
      ]) {
        const piping = pipeAcross(
          [
            { host: here, command: sh("true") },
            { host, command: sh(script ?? "") },
          ],
          { here, signal: never },
        );

        await assert.rejects(piping, { name: "CommandFailed", message });
      }
    });

    test("tells that its connection was lost, whatever was said or held there", async () => {
      await using stack = new AsyncDisposableStack();
      const server = stack.use(await odd());
      const hosts = stack.use(open({ nas: server.entry }));
      const { here } = hosts;
      const env = { TOLD: new Secret("tell-nobody-12") };
      const script = "echo 'half way' >&2; cat >/dev/null";

      const failure: unknown = await pipeAcross(
        [
          { host: here, command: sh("exec sleep 300") },
          { host: hosts.get("nas"), command: { ...sh(script), env } },
        ],
        { here, signal: never, watch: { stderrLine: () => void server.cut() } },
      ).catch((error: unknown) => error);

      assert.ok(failure instanceof HoldfastError && !(failure instanceof CommandFailed));
      assert.equal(failure.code, "host-unreachable");
      assert.match(failure.message, /connection to host "nas" was lost while sh ran there/);
    });
  });

  test("with all its turns taken does not keep anyone from giving up", async () => {
    await using hosts = open({ nas: ordinary.entry });
    const nas = hosts.get("nas");
    const [long, short] = [new AbortController(), new AbortController()];
    let ready = 0;
    const six = Array.from({ length: 6 }, async () => {
      await nas.run(sh("echo ready; exec sleep 300"), long.signal, {
        stdoutLine: () => {
          ready += 1;
          if (ready === 6) short.abort();
        },
      });
    });
    const outcomes = Promise.allSettled(six);

    await assert.rejects(nas.run(sh("true"), short.signal), { code: "interrupted" });

    long.abort();
    assert.ok((await outcomes).every(({ status }) => status === "rejected"));
  });
});
