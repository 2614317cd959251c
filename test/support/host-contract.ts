// Knows: everything the program takes for granted of any host. Must not know: how a host does it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { CommandFailed } from "../../src/hosts/command-failed.ts";
import type { Command, Host, Watch } from "../../src/hosts/host.ts";
import { HoldfastError } from "../../src/kernel/errors.ts";
import { Secret } from "../../src/kernel/secret.ts";

/** What the suite asks of the host's settings. */
export interface HostSettings {
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** So many bytes of standard output are kept. */
  readonly outputLimit: number;
}

/** An opened host with a directory on it that the tests may fill. */
export interface OpenedHost extends AsyncDisposable {
  readonly host: Host;
  readonly directory: string;
}

/** A kind of host. The machine has a POSIX shell, gzip, coreutils and Linux' /proc. */
export interface HostUnderTest {
  readonly name: string;
  open(settings: HostSettings): Promise<OpenedHost>;
}

/** Everything the rest of the program takes for granted of any host. Every kind of host runs all of it. */
export function hostContract(under: HostUnderTest): void {
  suite(`${under.name} keeps the host contract`, () => {
    commands(under);
    output(under);
    failures(under);
    interruptions(under);
    pipelines(under);
    files(under);
  });
}

const patient: HostSettings = { graceMs: 10_000, outputLimit: 1024 * 1024 };
const impatient: HostSettings = { ...patient, graceMs: 300 };

const hostileWords = [
  "",
  " ",
  "two words",
  "line\nfeed",
  "tab\tstop",
  "-n",
  "--help",
  "'single' \"double\" `back`",
  "$(touch oops) ${HOME} $HOME",
  "back\\slash",
  "*?[a-z]{a,b}",
  "~",
  "semi;colon & ampersand | bar > file < file",
  "#no comment",
  "!history",
  "\u202Ertl",
  "émoji 🗄️ and e\u0301",
  "\u0001\u001B[31mred\u007F",
  "x".repeat(4000),
];

// Prints the numbers of its parent and of itself once SIGTERM can reach it: a shell that has just
// forked loses the signal.
const grandchild = "sh -c 'echo $PPID $$; exec sleep 300'";

const isBug = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof HoldfastError);

function sh(script: string, ...words: readonly string[]): Command {
  return { argv: ["sh", "-c", script, "sh", ...words], effect: "reads" };
}

function commands(under: HostUnderTest): void {
  test("says what a command wrote and how it ended", async ({ signal }) => {
    await using opened = await under.open(patient);

    const result = await opened.host.run(sh("echo out; echo err >&2"), signal);

    assert.deepEqual(
      { ...result, milliseconds: 0 },
      { exitStatus: 0, stdout: "out\n", stderr: "err\n", truncated: false, milliseconds: 0 },
    );
    assert.ok(result.milliseconds >= 0);
  });

  test("hands over every argument as it is, however hostile", async ({ signal }) => {
    await using opened = await under.open(patient);

    const { stdout } = await opened.host.run(
      { argv: ["printf", String.raw`%s\0`, ...hostileWords], effect: "reads" },
      signal,
    );

    assert.deepEqual(stdout.split("\0").slice(0, -1), hostileWords);
  });

  test("adds to the environment, and reveals secrets to the command alone", async ({ signal }) => {
    await using opened = await under.open(patient);
    const env = { HOLDFAST_PLAIN: "a 'b' $c\nd", HOLDFAST_SECRET: new Secret("tell-nobody-1") };

    const { stdout } = await opened.host.run(
      { ...sh('printf "%s|%s|%s" "$HOLDFAST_PLAIN" "$HOLDFAST_SECRET" "${PATH:+path}"'), env },
      signal,
    );

    assert.equal(stdout, "a 'b' $c\nd|tell-nobody-1|path");
  });

  test("never shows a secret that a command repeats on standard error", async ({ signal }) => {
    await using opened = await under.open(patient);
    const env = { HOLDFAST_SECRET: new Secret("tell-nobody-2") };
    const lines: string[] = [];
    const command = { ...sh('echo "no such key: $HOLDFAST_SECRET" >&2; exit 1'), env };

    const failure: unknown = await opened.host
      .run(command, signal, { stderrLine: (line) => lines.push(line) })
      .catch((error: unknown) => error);

    assert.ok(failure instanceof CommandFailed);
    assert.equal(failure.message, "sh failed with exit status 1: no such key: ***");
    assert.deepEqual(lines, ["no such key: ***"]);
    assert.doesNotMatch(inspect(failure, { depth: 9, showHidden: true }), /tell-nobody/);
  });

  test("keeps no half of a secret where it cuts off what was said earlier", async ({ signal }) => {
    await using opened = await under.open(patient);
    const env = { HOLDFAST_SECRET: new Secret(`tell-nobody-5-${"x".repeat(900)}-end`) };
    const lines = 'i=0; while [ $i -lt 200 ]; do echo "$HOLDFAST_SECRET $i"; i=$((i+1)); done >&2';
    const oneLine = lines.replace("echo", "printf %s");

    const results = [
      await opened.host.run({ ...sh(lines), env }, signal),
      await opened.host.run({ ...sh(oneLine), env }, signal),
    ];

    for (const { stderr } of results) assert.match(stderr, /^( \d+)?(\*{3} \d+\n?){30,}$/);
  });

  test("refuses text that no environment can hold, without showing it", async ({ signal }) => {
    await using opened = await under.open(patient);
    const env = { HOLDFAST_SECRET: new Secret("tell-nobody-3\0x") };

    const failure: unknown = await opened.host
      .run({ ...sh("true"), env }, signal)
      .catch((error: unknown) => error);

    assert.ok(failure instanceof HoldfastError);
    assert.match(failure.message, /HOLDFAST_SECRET.*NUL/);
    assert.doesNotMatch(inspect(failure, { depth: 9, showHidden: true }), /tell-nobody/);
  });

  test("writes text, bytes and secrets to a command's input, and ends it", async ({ signal }) => {
    await using opened = await under.open(patient);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 256);
    const cat: Command = { argv: ["cat"], effect: "reads" };

    const text = await opened.host.run({ ...cat, stdin: "grüße\n" }, signal);
    const secret = await opened.host.run({ ...cat, stdin: new Secret("tell-nobody-4") }, signal);
    const sum = await opened.host.run(
      { argv: ["sha256sum"], stdin: bytes, effect: "reads" },
      signal,
    );
    const none = await opened.host.run(cat, signal);

    assert.equal(text.stdout, "grüße\n");
    assert.equal(secret.stdout, "tell-nobody-4");
    assert.equal(sum.stdout.slice(0, 64), createHash("sha256").update(bytes).digest("hex"));
    assert.equal(none.stdout, "");
  });

  test("lets a command ignore its input", async ({ signal }) => {
    await using opened = await under.open(patient);

    const { exitStatus } = await opened.host.run(
      { argv: ["true"], stdin: "x".repeat(5_000_000), effect: "reads" },
      signal,
    );

    assert.equal(exitStatus, 0);
  });

  test("runs a command in the folder it names", async ({ signal }) => {
    await using opened = await under.open(patient);

    const { stdout } = await opened.host.run({ ...sh("pwd -P"), cwd: opened.directory }, signal);

    assert.equal(stdout, `${opened.directory}\n`);
  });

  test("runs many commands at once under one signal", async ({ signal }) => {
    await using opened = await under.open(patient);
    const numbers = Array.from({ length: 30 }, (_, index) => String(index));

    const results = await Promise.all(
      numbers.map(async (number) => await opened.host.run(sh('echo "$1"', number), signal)),
    );

    assert.deepEqual(
      results.map(({ stdout }) => stdout.trim()),
      numbers,
    );
  });
}

function output(under: HostUnderTest): void {
  test("delivers lines of any length as they come, the last one without an end too", async ({
    signal,
  }) => {
    await using opened = await under.open(patient);
    const lengths: number[] = [];
    const script = "head -c 3000000 /dev/zero | tr '\\0' a; echo; echo; printf end";

    const { stdout } = await opened.host.run(sh(script), signal, {
      stdoutLine: (line) => lengths.push(line.length),
    });

    assert.deepEqual(lengths, [3_000_000, 0, 3]);
    assert.equal(stdout, "");
  });

  test("delivers a line before the command has ended", async ({ signal }) => {
    await using opened = await under.open(patient);
    const controller = new AbortController();

    const running = opened.host.run(
      sh("echo ready; sleep 60"),
      AbortSignal.any([signal, controller.signal]),
      { stdoutLine: () => controller.abort() },
    );

    await assert.rejects(running, { code: "interrupted" });
  });

  test("puts characters together that arrive in pieces", async ({ signal }) => {
    await using opened = await under.open(patient);
    const lines: string[] = [];
    const script = String.raw`for byte in 360 237 227 204 012; do printf "\\$byte"; sleep 0.02; done`;

    await opened.host.run(sh(script), signal, { stdoutLine: (line) => lines.push(line) });

    assert.deepEqual(lines, ["\u{1F5C4}"]);
  });

  test("survives output that is no text", async ({ signal }) => {
    await using opened = await under.open(patient);
    const lines: string[] = [];
    const script = String.raw`printf 'a\377\376b\n\000\n'; printf '\300' >&2`;

    const { stderr } = await opened.host.run(sh(script), signal, {
      stdoutLine: (line) => lines.push(line),
    });

    assert.deepEqual(lines, ["a\uFFFD\uFFFDb", "\0"]);
    assert.equal(stderr, "\uFFFD");
  });

  test("keeps the last part of a long output, and says that it is not all", async ({ signal }) => {
    await using opened = await under.open({ ...patient, outputLimit: 1000 });
    const script = "yes 'line of output' | head -n 20000; echo last; echo fine >&2";

    const result = await opened.host.run(sh(script), signal);

    assert.equal(Buffer.byteLength(result.stdout), 1000);
    assert.match(result.stdout, /line of output\nlast\n$/);
    assert.equal(result.truncated, true);
    assert.equal(result.stderr, "fine\n");
  });

  test("does not call an output short that a watcher has had in full", async ({ signal }) => {
    await using opened = await under.open({ ...patient, outputLimit: 10 });

    const { truncated } = await opened.host.run(sh("yes | head -n 1000"), signal, {
      stdoutLine: () => {},
    });

    assert.equal(truncated, false);
  });

  test("waits for a command that has closed its output", async ({ signal }) => {
    await using opened = await under.open(patient);

    const running = opened.host.run(sh("exec >&- 2>&-; sleep 0.3; exit 7"), signal);

    await assert.rejects(running, { message: "sh failed with exit status 7" });
  });

  test("does not wait for what a command leaves running, but loses nothing", async ({ signal }) => {
    await using opened = await under.open({ ...patient, outputLimit: 10_000_000 });
    const script = "sleep 300 & echo $! >&2; head -c 5000000 /dev/zero | tr '\\0' a";

    const { stdout, stderr } = await opened.host.run(sh(script), signal);

    assert.equal(stdout.length, 5_000_000);
    assert.equal(await stateOf(opened.host, stderr.trim()), "living");
    await opened.host.run(sh('kill -9 "$1"', stderr.trim()), signal);
  });

  test("ends the command when a watcher throws, and passes on what it threw", async ({
    signal,
  }) => {
    await using opened = await under.open(impatient);
    const bug = new Error("a bug in the watcher");
    const watch: Watch = {
      stdoutLine: () => {
        throw bug;
      },
    };

    await assert.rejects(opened.host.run(sh("echo ready; sleep 300"), signal, watch), bug);
  });
}

function failures(under: HostUnderTest): void {
  test("throws on an exit status that is not expected, with all there is to know", async ({
    signal,
  }) => {
    await using opened = await under.open(patient);

    const failure: unknown = await opened.host
      .run(sh("echo partly; echo one >&2; echo two >&2; exit 3"), signal)
      .catch((error: unknown) => error);

    assert.ok(failure instanceof CommandFailed);
    assert.equal(failure.code, "command-failed");
    assert.equal(failure.message, "sh failed with exit status 3: one; two");
    assert.equal(failure.argv[0], "sh");
    assert.deepEqual([failure.result.exitStatus, failure.result.stdout], [3, "partly\n"]);
    assert.deepEqual(failure.stages, [failure.result]);
  });

  test("takes the exit statuses that a command calls success", async ({ signal }) => {
    await using opened = await under.open(patient);

    const { exitStatus } = await opened.host.run({ ...sh("exit 3"), okExits: [0, 3] }, signal);

    assert.equal(exitStatus, 3);
    await assert.rejects(opened.host.run({ ...sh("true"), okExits: [3] }, signal), CommandFailed);
  });

  test("names the signal that ended a command", async ({ signal }) => {
    await using opened = await under.open(patient);

    const failure: unknown = await opened.host
      .run(sh("kill -KILL $$"), signal)
      .catch((error: unknown) => error);

    assert.ok(failure instanceof CommandFailed);
    assert.deepEqual([failure.result.exitStatus, failure.result.signal], [137, "SIGKILL"]);
    assert.equal(failure.message, "sh was ended by SIGKILL");
  });

  test("says which tool is missing, and what to do", async ({ signal }) => {
    await using opened = await under.open(patient);

    const running = opened.host.run({ argv: ["holdfast-no-such-tool"], effect: "reads" }, signal);

    await assert.rejects(running, (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, "tool-missing");
      assert.match(error.message, /holdfast-no-such-tool/);
      assert.match(error.hint ?? "", /install holdfast-no-such-tool/);
      return true;
    });
  });

  test("says when a tool is there but may not be executed", async ({ signal }) => {
    await using opened = await under.open(patient);
    const tool = `${opened.directory}/tool`;
    await opened.host.run(sh('echo "#!/bin/sh" >"$1"; chmod 644 "$1"', tool), signal);

    const running = opened.host.run({ argv: [tool], effect: "reads" }, signal);

    await assert.rejects(running, { code: "tool-missing", message: /tool may not be executed/ });
  });

  test("says when the interpreter of a script is missing", async ({ signal }) => {
    await using opened = await under.open(patient);
    const tool = `${opened.directory}/tool`;
    await opened.host.run(sh('echo "#!/no/interpreter" >"$1"; chmod 755 "$1"', tool), signal);

    const running = opened.host.run({ argv: [tool], effect: "reads" }, signal);

    await assert.rejects(running, {
      code: "command-failed",
      message: "tool could not be started: the interpreter it asks for is missing",
    });
  });

  test("says when the folder to run in is missing", async ({ signal }) => {
    await using opened = await under.open(patient);

    const running = opened.host.run({ ...sh("true"), cwd: `${opened.directory}/none` }, signal);

    await assert.rejects(running, { code: "command-failed", message: /there is no folder .*none/ });
  });
}

function interruptions(under: HostUnderTest): void {
  test("starts nothing after an abort", async ({ signal }) => {
    await using opened = await under.open(patient);
    const trace = `${opened.directory}/trace`;

    const running = opened.host.run(sh('touch "$1"', trace), AbortSignal.abort());

    await assert.rejects(running, { code: "interrupted" });
    assert.deepEqual(await opened.host.inspect([trace], signal), [{ kind: "missing" }]);
  });

  test("lets an aborted command clean up, and leaves nothing of it running", async ({ signal }) => {
    await using opened = await under.open(patient);
    const trace = `${opened.directory}/trace`;
    const script = `trap 'touch "$1"; exit 0' TERM; ${grandchild} & wait`;

    const pids = await abortOnce(opened.host, sh(script, trace), { code: "interrupted" });

    const [state] = await opened.host.inspect([trace], signal);
    assert.equal(state?.kind, "file");
    assert.deepEqual(await statesOf(opened.host, pids), ["gone", "gone"]);
  });

  test("kills what ignores SIGTERM, grandchildren too", async () => {
    await using opened = await under.open(impatient);
    const script = `trap "" TERM; ${grandchild} & wait`;

    const pids = await abortOnce(opened.host, sh(script), { code: "interrupted" });

    assert.deepEqual(await statesOf(opened.host, pids), ["gone", "gone"]);
  });

  test("ends a grandchild that outlives the command it belongs to", async () => {
    await using opened = await under.open(impatient);
    const script = `sh -c 'trap "" TERM; echo $PPID $$; exec sleep 300' & wait`;

    const pids = await abortOnce(opened.host, sh(script), { code: "interrupted" });

    assert.deepEqual(await statesOf(opened.host, pids), ["gone", "gone"]);
  });

  test("ends a stopped command", async () => {
    await using opened = await under.open(patient);

    const pids = await abortOnce(opened.host, sh("echo $$; kill -STOP $$"), {
      code: "interrupted",
    });

    assert.deepEqual(await statesOf(opened.host, pids), ["gone"]);
  });

  test("throws the reason of an abort when that is an explanation itself", async () => {
    await using opened = await under.open(patient);
    const reason = new HoldfastError("timed-out", "the run took longer than 1 h");

    await abortOnce(opened.host, sh("echo $$; sleep 300"), { reason });
  });

  test("ends a command that exceeds its time", async ({ signal }) => {
    await using opened = await under.open(impatient);
    const pids: string[] = [];

    const running = opened.host.run({ ...sh(`${grandchild} & wait`), timeoutMs: 1000 }, signal, {
      stdoutLine: (line) => pids.push(...line.split(" ")),
    });

    await assert.rejects(running, {
      code: "timed-out",
      message: "sh did not end within 1 s",
    });
    assert.ok(!(await statesOf(opened.host, pids)).includes("living"));
  });
}

function pipelines(under: HostUnderTest): void {
  test("carries 200 MB through four processes unchanged", async ({ signal }) => {
    await using opened = await under.open(patient);
    const numbers = "seq 1 40000000 | head -c 200000000";
    const [plain, piped] = [
      await opened.host.run(sh(`${numbers} | sha256sum`), signal),
      await opened.host.pipe(
        [
          sh(numbers),
          { argv: ["cat"], effect: "reads" },
          { argv: ["gzip", "-1"], effect: "reads" },
          sh("gzip -d | sha256sum"),
        ],
        signal,
      ),
    ];

    assert.equal(piped.stdout, plain.stdout);
    assert.deepEqual(
      piped.stages.map(({ exitStatus }) => exitStatus),
      [0, 0, 0, 0],
    );
  });

  test("gives the input to the first stage and watches the last", async ({ signal }) => {
    await using opened = await under.open(patient);
    const lines: string[] = [];
    const watch: Watch = {
      stdoutLine: (line) => lines.push(`out ${line}`),
      stderrLine: (line) => lines.push(`err ${line}`),
    };

    await opened.host.pipe(
      [{ ...sh("cat; echo first >&2"), stdin: "a\nb\n" }, sh("cat; echo second >&2")],
      signal,
      watch,
    );

    assert.deepEqual(lines.toSorted(), ["err first", "err second", "out a", "out b"]);
  });

  for (const failing of [0, 1, 2]) {
    test(`blames stage ${failing} when that fails`, async ({ signal }) => {
      await using opened = await under.open(patient);
      const stages = [0, 1, 2].map((stage) =>
        sh(stage === failing ? "head -c 100000; echo bad >&2; exit 9" : "cat"),
      );

      const failure = await failureOf(
        opened.host.pipe(
          [{ ...stageAt(stages, 0), stdin: "x".repeat(2_000_000) }, ...stages.slice(1)],
          signal,
        ),
      );

      assert.equal(failure.message, "sh failed with exit status 9: bad");
      assert.equal(failure.stages.length, 3);
      assert.equal(failure.stages[failing]?.exitStatus, 9);
    });
  }

  test("does not let writers that lost their reader hide why it failed", async ({ signal }) => {
    await using opened = await under.open(patient);

    const failure = await failureOf(
      opened.host.pipe(
        [
          sh("exec yes"),
          sh("tr y z; status=$?; echo 'tr gave up' >&2; exit $status"),
          sh("head -c 1000 >/dev/null; echo 'disk full' >&2; exit 5"),
        ],
        signal,
      ),
    );

    assert.equal(failure.message, "sh failed with exit status 5: disk full");
    assert.equal(failure.stages.length, 3);
  });

  test("does not let a reader with half an input hide why it was half", async ({ signal }) => {
    await using opened = await under.open(patient);

    const failure = await failureOf(
      opened.host.pipe(
        [
          sh("head -c 100000 /dev/urandom | gzip | head -c 5000; echo 'read error' >&2; exit 6"),
          sh("gzip -d >/dev/null"),
        ],
        signal,
      ),
    );

    assert.equal(failure.message, "sh failed with exit status 6: read error");
    assert.notEqual(failure.stages[1]?.exitStatus, 0);
  });

  test("blames the writer of half an input, though its reader has ended before", async ({
    signal,
  }) => {
    await using opened = await under.open(patient);
    const file = `${opened.directory}/reader`;
    // It has closed its output, and waits until its reader has been seen to end.
    const writer = `printf 'half a line'; exec >&-; n=0
      while [ $n -lt 20 ] && { [ ! -s "$1" ] || kill -0 "$(cat "$1")"; } 2>/dev/null; do
        n=$((n + 1)); sleep 0.05
      done; echo 'read error' >&2; exit 6`;
    const reader = 'echo $$ >"$1"; read -r line || exit 7';

    const failure = await failureOf(opened.host.pipe([sh(writer, file), sh(reader, file)], signal));

    assert.equal(failure.message, "sh failed with exit status 6: read error");
    assert.equal(failure.stages[1]?.exitStatus, 7);
  });

  test("counts a writer whose reader did not read to the end", async ({ signal }) => {
    await using opened = await under.open(patient);

    const failure = await failureOf(
      opened.host.pipe([{ argv: ["yes"], effect: "reads" }, sh("head -n 1")], signal),
    );

    assert.match(failure.message, /^yes /);
    assert.deepEqual([failure.stages.length, failure.stages[1]?.stdout], [2, "y\n"]);
  });

  test("ends a writer that goes on after its reader has failed", async ({ signal }) => {
    await using opened = await under.open(impatient);
    const pids: string[] = [];
    const deaf = sh('trap "" PIPE; echo $$ >&2; while :; do echo x || sleep 1; done 2>/dev/null');

    const failure = await failureOf(
      opened.host.pipe([deaf, sh("exit 4")], signal, { stderrLine: (line) => pids.push(line) }),
    );

    assert.equal(failure.message, "sh failed with exit status 4");
    assert.deepEqual(await statesOf(opened.host, pids), ["gone"]);
  });

  test("refuses pipelines that make no sense, as the bugs that they are", async ({ signal }) => {
    await using opened = await under.open(patient);
    await assert.rejects(opened.host.pipe([], signal), isBug);
    await assert.rejects(
      opened.host.pipe([sh("true"), { ...sh("cat"), stdin: "x" }], signal),
      isBug,
    );
  });

  test("starts no stage when the tool of one is missing", async ({ signal }) => {
    await using opened = await under.open(patient);
    const trace = `${opened.directory}/trace`;

    const piping = opened.host.pipe(
      [sh('touch "$1"', trace), { argv: ["holdfast-no-such-tool"], effect: "reads" }],
      signal,
    );

    await assert.rejects(piping, { code: "tool-missing" });
    assert.deepEqual(await opened.host.inspect([trace], signal), [{ kind: "missing" }]);
  });

  test("ends all stages on an abort", async () => {
    await using opened = await under.open(patient);
    const stage = `${grandchild} >&2 & cat; wait`;

    const pids = await abortOnce(opened.host, [sh(stage), sh(stage), sh(stage)], {
      code: "interrupted",
    });

    assert.deepEqual(await statesOf(opened.host, pids), Array(6).fill("gone"));
  });

  test("ends all stages when one exceeds its time", async ({ signal }) => {
    await using opened = await under.open(patient);
    const pids: string[] = [];
    const stage = sh("echo $$ >&2; exec sleep 300");

    const piping = opened.host.pipe([stage, { ...stage, timeoutMs: 1000 }], signal, {
      stderrLine: (line) => pids.push(line),
    });

    await assert.rejects(piping, { code: "timed-out" });
    assert.ok(!(await statesOf(opened.host, pids)).includes("living"));
  });
}

function files(under: HostUnderTest): void {
  test("tells what is at many paths, in order", async ({ signal }) => {
    await using opened = await under.open(patient);
    const cwd = opened.directory;
    await opened.host.run(
      {
        ...sh(
          "mkdir full empty; echo x >full/file; : >nothing; mkfifo pipe; ln -s full link; ln -s none lost",
        ),
        cwd,
      },
      signal,
    );
    const names = [
      "full",
      "empty",
      "full/file",
      "nothing",
      "pipe",
      "link",
      "lost",
      "none",
      "nothing/x",
    ];

    const states = await opened.host.inspect(
      names.map((name) => `${cwd}/${name}`),
      signal,
    );

    assert.deepEqual(
      states.map((state) => [state.kind, "empty" in state && state.empty]),
      [
        ["directory", false],
        ["directory", true],
        ["file", false],
        ["file", true],
        ["other", false],
        ["directory", false],
        ["unreadable", false],
        ["missing", false],
        ["missing", false],
      ],
    );
    assert.deepEqual(states.map((state) => "leadsTo" in state && state.leadsTo).filter(Boolean), [
      `${cwd}/full`,
    ]);
    assert.match(inspect(states[6]), /symbolic link to something that does not exist/);
  });

  test("tells file systems apart, and how much they can still take", async ({ signal }) => {
    await using opened = await under.open(patient);

    const [directory, same, other] = await opened.host.inspect(
      [opened.directory, opened.directory, "/proc"],
      signal,
    );

    assert.ok(directory && "device" in directory);
    assert.ok(same && "device" in same);
    assert.ok(other && "device" in other);
    assert.equal(directory.device, same.device);
    assert.notEqual(directory.device, other.device);
    assert.ok(directory.freeBytes > 0 && other.freeBytes === 0);
  });

  test("looks at paths with hostile names", async ({ signal }) => {
    await using opened = await under.open(patient);
    const cwd = opened.directory;
    const names = hostileWords.filter(
      (word) => word !== "" && word.length < 256 && !word.includes("/"),
    );
    await opened.host.run({ ...sh('for name; do : >"./$name"; done', ...names), cwd }, signal);

    const states = await opened.host.inspect(
      [...names.map((name) => `${cwd}/${name}`), `${cwd}/${"x".repeat(300)}`, `${cwd}/nul\0`],
      signal,
    );

    assert.deepEqual(
      states.map(({ kind }) => kind),
      [...names.map(() => "file"), "unreadable", "unreadable"],
    );
  });

  test("looks at nothing after an abort", async () => {
    await using opened = await under.open(patient);

    const looking = opened.host.inspect([opened.directory], AbortSignal.abort());

    await assert.rejects(looking, { code: "interrupted" });
  });

  test("makes private directories that vanish with all they hold", async ({ signal }) => {
    await using opened = await under.open(patient);
    const paths: string[] = [];
    {
      await using one = await opened.host.scratch();
      await using two = await opened.host.scratch();
      paths.push(one.path, two.path);

      const script =
        'stat -c %a "$1"; mkdir -p "$1/a/b"; echo x >"$1/a/b/c"; chmod 500 "$1/a/b" "$1/a"';
      const { stdout } = await opened.host.run(sh(script, one.path), signal);

      assert.equal(stdout, "700\n");
    }

    assert.notEqual(paths[0], paths[1]);
    assert.deepEqual(await opened.host.inspect(paths, signal), [
      { kind: "missing" },
      { kind: "missing" },
    ]);
  });
}

/**
 * Runs what prints the numbers of its processes, aborts once every stage has printed its line, and
 * returns the numbers.
 */
async function abortOnce(
  host: Host,
  what: Command | readonly Command[],
  expected: { readonly code: string } | { readonly reason: HoldfastError },
): Promise<readonly string[]> {
  const controller = new AbortController();
  const pids: string[] = [];
  const stages = "argv" in what ? [what] : what;
  let ready = 0;
  const line = (text: string) => {
    pids.push(...text.split(" "));
    ready += 1;
    if (ready === stages.length)
      controller.abort("reason" in expected ? expected.reason : undefined);
  };
  const watch: Watch = { stdoutLine: line, stderrLine: line };

  await assert.rejects(
    host.pipe(stages, controller.signal, watch),
    "reason" in expected ? (error) => error === expected.reason : expected,
  );
  return pids;
}

async function failureOf(running: Promise<unknown>): Promise<CommandFailed> {
  const failure: unknown = await running.catch((error: unknown) => error);
  assert.ok(failure instanceof CommandFailed, inspect(failure));
  return failure;
}

function stageAt(stages: readonly Command[], index: number): Command {
  const stage = stages[index];
  assert.ok(stage);
  return stage;
}

async function statesOf(host: Host, pids: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(pids.map(async (pid) => await stateOf(host, pid)));
}

/** Dead is also what nobody has asked for its exit status yet. */
async function stateOf(host: Host, pid: string): Promise<"living" | "gone"> {
  const { stdout } = await host.run(
    sh('sed "s/.*) //" "/proc/$1/stat" 2>/dev/null || true', pid),
    new AbortController().signal,
  );
  return stdout === "" || /^[ZX]/.test(stdout) ? "gone" : "living";
}
