// How a machine behind ssh is reached: addresses, jumps, keys, and connections that break.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../test/support/service.ts";
import { type Sshd, sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { Secret } from "../../kernel/secret.ts";
import type { Command, Host } from "../host.ts";
import { anywhere, type Hosts, openHosts } from "../hosts.ts";
import { localHost } from "../local.ts";
import { pipeAcross } from "../pipe-across.ts";
import { AnyHost } from "./index.ts";
import { keepingTimes } from "./keeping.ts";
import { openSshHost } from "./open.ts";
import { HostSettings } from "./settings.ts";

const never = new AbortController().signal;

/** The hosts of a configuration. */
function open(hosts: Readonly<Record<string, unknown>>, choice = anywhere): Hosts {
  const specs = new Map(Object.entries(hosts).map(([name, host]) => [name, AnyHost.parse(host)]));
  return openHosts({ here: localHost({ graceMs: 500 }), specs, choice });
}

function sh(script: string, ...words: readonly string[]): Command {
  return { argv: ["sh", "-c", script, "sh", ...words], effect: "reads" };
}

async function said(host: Host, ...words: readonly [string, ...string[]]): Promise<string> {
  return (await host.run({ argv: words, effect: "reads" }, never)).stdout;
}

/** A socket that takes connections and never says a word. */
async function deafServer(): Promise<
  { readonly port: number; readonly server: Server } & Disposable
> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const { port } = address;
  return { port, server, [Symbol.dispose]: () => server.close() };
}

function isThere(pid: string): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

suite("a machine behind ssh", { skip: withoutTools(...sshdTools) }, () => {
  let server: Sshd;
  let gate: Sshd;
  let inner: Sshd;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-reach-"));
    server = await startSshd();
    gate = await startSshd({ keysOf: server });
    inner = await startSshd({ keysOf: server });
  });
  after(async () => {
    for (const sshd of [server, gate, inner]) await sshd[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("is connected to once, whatever is done there at the same time", async () => {
    const earlier = server.connections();
    await using hosts = open({ nas: server.entry });
    const nas = hosts.get("nas");
    const numbers = Array.from({ length: 24 }, (_, index) => String(index));

    const answers = await Promise.all([
      ...numbers.map(async (number) => await said(nas, "echo", number)),
      ...numbers.map(async () => (await nas.inspect(["/", "/etc", "/none"], never)).length),
      nas.pipe([sh("seq 1000"), sh("tail -n 1")], never),
      hosts.examine("nas", never),
    ]);

    assert.deepEqual(answers.slice(0, 2), ["0\n", "1\n"]);
    assert.equal(server.connections() - earlier, 1);
  });

  test("is looked at in one round trip by all who ask at the same time", async () => {
    await using hosts = open({ nas: server.entry });
    const nas = hosts.get("nas");
    await nas.reach(never);
    const ran: Command[] = [];
    const { Looking } = await import("./look.ts");
    const counted = new Looking({
      name: "nas",
      run: async (command, signal, watch) => {
        ran.push(command);
        return await nas.run(command, signal, watch);
      },
    });

    const states = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => await counted.at([`/${index}`, "/"], never)),
    );

    assert.equal(ran.length, 1);
    assert.deepEqual(
      states.map((pair) => pair.map(({ kind }) => kind)),
      states.map(() => ["missing", "directory"]),
    );
  });

  test("is used at the address that answers, and connected to at no other", async () => {
    using deaf = await deafServer();
    const dead = await freePort();
    const earlier = server.connections();
    const addresses = [
      { host: "127.0.0.1", port: dead },
      { host: "127.0.0.1", port: deaf.port },
      { host: "no-such-host.invalid" },
      ...server.entry.addresses,
    ];
    await using hosts = open({ nas: { ...server.entry, addresses } });

    const findings = await hosts.examine("nas", never);

    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [["host-reachable", "ok"]],
    );
    assert.match(findings[0]?.message ?? "", new RegExp(`port ${server.port} `));
    assert.equal(server.connections() - earlier, 1);
  });

  test("is left alone when its only addresses are elsewhere", async () => {
    const earlier = server.log().length;
    const [{ host, port }] = server.entry.addresses;
    const addresses = [{ host, port, location: ["home", "office"] }];
    const choice = { locations: ["home"], excluded: ["office"] };
    await using hosts = open({ nas: { ...server.entry, addresses } }, choice);

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["location-excluded", "away"]);
    await assert.rejects(hosts.get("nas").reach(never), { code: "host-unreachable" });
    assert.equal(server.log().length, earlier);
  });

  test("is reached through a chain of two others, each with its own port", async () => {
    const knownHosts = join(folder, "chain");
    const files = await Promise.all(
      [server, gate, inner].map(async ({ knownHosts: file }) => await readFile(file, "utf8")),
    );
    await writeFile(knownHosts, files.join(""));
    const earlier = [server, gate, inner].map((sshd) => sshd.connections());
    await using hosts = open({
      gate: { ...gate.entry, "known-hosts": knownHosts },
      inner: { ...inner.entry, "known-hosts": knownHosts, jump: "gate" },
      nas: { ...server.entry, "known-hosts": knownHosts, jump: ["inner"] },
      both: { ...server.entry, "known-hosts": knownHosts, jump: ["gate", "inner"] },
    });

    const words = [
      await said(hosts.get("nas"), "echo", "by inner"),
      await said(hosts.get("both"), "echo", "by both"),
    ];

    assert.deepEqual(words, ["by inner\n", "by both\n"]);
    assert.deepEqual(
      [server, gate, inner].map((sshd, index) => sshd.connections() - (earlier[index] ?? 0)),
      [2, 2, 2],
    );
  });

  test("is refused when its host key is not known, with what makes it known", async () => {
    const empty = join(folder, "empty");
    await writeFile(empty, "");
    await using hosts = open({ nas: { ...server.entry, "known-hosts": empty } });

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["host-key-unknown", "error"]);
    assert.match(finding?.hint ?? "", new RegExp(`ssh-keyscan -p ${server.port} 127.0.0.1 >> `));
    assert.equal(await readFile(empty, "utf8"), "");
  });

  test("is refused when its host key is another one than it was", async () => {
    const wrong = join(folder, "wrong");
    const text = await readFile(gate.knownHosts, "utf8");
    await writeFile(wrong, text.replace(`:${gate.port}`, `:${server.port}`));
    await using hosts = open({ nas: { ...server.entry, "known-hosts": wrong } });

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["host-key-changed", "error"]);
    assert.match(finding?.hint ?? "", /ssh-keygen -f \S+ -R '\[127\.0\.0\.1\]:\d+'/);
  });

  test("says when it does not let us in, and how that changes", async () => {
    const key = join(folder, "other-key");
    await said(localHost(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key);
    await using hosts = open({ nas: { ...server.entry, key } });

    const [finding] = await hosts.examine("nas", never);

    assert.deepEqual([finding?.code, finding?.severity], ["host-login-refused", "error"]);
    assert.match(finding?.hint ?? "", new RegExp(`ssh-copy-id -i ${key} -p ${server.port} `));
  });

  test("is not tried again at once by others when it cannot be reached", async () => {
    using deaf = await deafServer();
    let attempts = 0;
    deaf.server.on("connection", () => (attempts += 1));
    const addresses = [{ host: "127.0.0.1", port: deaf.port }];
    const entry = { ...server.entry, addresses, "connect-timeout": "1s" };
    await using hosts = open({ nas: entry });

    const eight = Array.from({ length: 8 }, async () => await hosts.get("nas").reach(never));
    const outcomes = await Promise.allSettled(eight);
    await assert.rejects(hosts.get("nas").run(sh("true"), never), { code: "host-unreachable" });

    assert.ok(outcomes.every(({ status }) => status === "rejected"));
    assert.equal(attempts, 1);
  });

  test("tells a lost connection from a command that ends with 255", async () => {
    const own = await startSshd({ keysOf: server });
    await using stack = new AsyncDisposableStack();
    stack.use(own);
    const hosts = stack.use(open({ nas: own.entry }));
    const nas = hosts.get("nas");

    await assert.rejects(nas.run(sh("exit 255"), never), { code: "command-failed" });
    const running = nas.run(sh("echo ready; sleep 300"), never, {
      stdoutLine: () => void own.cut(),
    });
    await assert.rejects(running, { code: "host-unreachable", message: /was lost while sh ran/ });

    await own.restart();
    assert.equal(await said(nas, "echo", "again"), "again\n");
  });

  test("ends what runs there when the connection is cut", async () => {
    const own = await startSshd({ keysOf: server });
    await using stack = new AsyncDisposableStack();
    stack.use(own);
    const hosts = stack.use(open({ nas: own.entry }));
    let pid = "";

    const running = hosts.get("nas").run(sh("echo $$; exec sleep 300"), never, {
      stdoutLine: (line) => {
        pid = line;
        void own.cut();
      },
    });
    await assert.rejects(running, { code: "host-unreachable" });

    const gone = sh('while kill -0 "$1" 2>/dev/null; do sleep 0.1; done', pid);
    await localHost().run({ ...gone, timeoutMs: 60_000 }, never);
  });

  test("has nothing left of ours in its temporary folder afterwards", async () => {
    await using stack = new AsyncDisposableStack();
    const remote = await mkdtemp(join(tmpdir(), "holdfast-there-"));
    stack.defer(async () => await rm(remote, { recursive: true, force: true }));
    const own = stack.use(
      await startSshd({ keysOf: server, lines: [`SetEnv TMPDIR=${remote} XDG_RUNTIME_DIR=`] }),
    );
    {
      await using hosts = open({ nas: own.entry });
      await using scratch = await hosts.get("nas").scratch();
      assert.ok(scratch.path.startsWith(remote));
      await hosts.get("nas").pipe([sh("seq 10"), sh("cat")], never);
    }

    const empty = sh('while [ -n "$(ls -A "$1")" ]; do sleep 0.1; done', remote);
    await localHost().run({ ...empty, timeoutMs: 60_000 }, never);
    assert.deepEqual(await readdir(remote), []);
  });

  test("hands over hostile words as they are, in every place of a command", async () => {
    await using hosts = open({ nas: server.entry });
    const trace = join(folder, "trace");
    const words = hostileWords(trace);

    const names = words.map((_, index) => `HOSTILE_${index}`);
    const script = `for word; do printf '%s\\0' "$word"; done; ${names
      .map((name) => `printf '%s\\0' "$${name}"`)
      .join("; ")}; cat`;
    const { stdout } = await hosts.get("nas").run(
      {
        ...sh(script, ...words),
        env: Object.fromEntries(names.map((name, index) => [name, words[index] ?? ""])),
        stdin: words.join("\0"),
      },
      never,
    );

    assert.deepEqual(stdout.split("\0"), [...words, ...words, ...words]);
    assert.ok(words.length >= 40);
    assert.deepEqual(await hosts.here.inspect([trace], never), [{ kind: "missing" }]);
  });

  test("is let go of when nobody uses it, but not while a tool does", async () => {
    const earlier = server.connections();
    const times = { ...keepingTimes, idleMs: 300 };
    const here = localHost({ graceMs: 500 });
    const settings = HostSettings.parse(server.entry);
    const opening = { name: "nas", here, settings, choice: anywhere, known: () => undefined };
    await using nas = openSshHost({ ...opening, times });
    await nas.host.reach(never);
    const { shell } = nas.host.remote ?? { shell: ["ssh"] };
    const [program = "ssh", ...words] = shell;

    const line = ["nas", "sleep 2; echo used"];
    const { stdout } = await here.run(
      { argv: [program, ...words, ...line], effect: "reads" },
      never,
    );
    const during = server.connections() - earlier;
    const socket = join(dirname(words.at(-1) ?? ""), "s");
    const closed = sh('while [ -e "$1" ]; do sleep 0.1; done', socket);
    await here.run({ ...closed, timeoutMs: 60_000 }, never);
    const again = await said(nas.host, "echo", "again");

    assert.deepEqual([stdout, during, again], ["used\n", 1, "again\n"]);
    assert.equal(server.connections() - earlier, 2);
  });

  test("can be given to tools that start ssh themselves", async () => {
    const earlier = server.connections();
    await using hosts = open({ nas: server.entry });
    const { remote, ...nas } = hosts.get("nas");
    await hosts.get("nas").reach(never);
    assert.ok(remote);

    const [program, ...words] = remote.shell;
    const { stdout } = await hosts.here.run(
      { argv: [program, ...words, remote.destination, "echo by itself"], effect: "reads" },
      never,
    );

    assert.ok(nas);
    assert.equal(stdout, "by itself\n");
    assert.equal(server.connections() - earlier, 1);
  });

  test("never lets a tool connect by itself once the connection is gone", async () => {
    const earlier = server.connections();
    const hosts = open({ nas: server.entry });
    await hosts.get("nas").reach(never);
    const { shell, destination } = hosts.get("nas").remote ?? { shell: ["ssh"], destination: "" };
    await hosts[Symbol.asyncDispose]();

    const [program = "ssh", ...words] = shell;
    const trying = hosts.here.run(
      { argv: [program, ...words, destination, "true"], effect: "reads" },
      never,
    );

    await assert.rejects(trying, { code: "command-failed" });
    assert.equal(server.connections() - earlier, 1);
  });

  suite("and bytes that go from machine to machine", () => {
    test("arrive unchanged, and every stage counts", async () => {
      await using hosts = open({ nas: server.entry, other: inner.entry });
      const [nas, other, here] = [hosts.get("nas"), hosts.get("other"), hosts.here];
      const seed = randomBytes(8).toString("hex");
      const bytes = sh(`yes ${seed} | head -c 5000000`);

      const { stages, stdout } = await pipeAcross(
        [
          { host: nas, command: bytes },
          { host: here, command: sh("gzip -1") },
          { host: other, command: sh("gzip -d") },
          { host: here, command: sh("sha256sum") },
        ],
        { here, signal: never },
      );

      const { stdout: expected } = await here.pipe([bytes, sh("sha256sum")], never);
      assert.equal(stdout, expected);
      assert.deepEqual(
        stages.map(({ exitStatus }) => exitStatus),
        [0, 0, 0, 0],
      );
    });

    test("blame the stage that failed by its own name", async () => {
      await using hosts = open({ nas: server.entry });
      const here = hosts.here;

      const piping = pipeAcross(
        [
          { host: here, command: sh("head -c 100000 /dev/zero") },
          { host: hosts.get("nas"), command: sh("cat >/dev/null; echo full >&2; exit 5") },
        ],
        { here, signal: never },
      );

      await assert.rejects(piping, { message: "sh failed with exit status 5: full" });
    });

    test("end everywhere on an abort", async () => {
      await using hosts = open({ nas: server.entry, other: inner.entry });
      const here = hosts.here;
      const controller = new AbortController();
      const pids: string[] = [];
      const stage = sh("echo $$ >&2; exec sleep 300");
      const hostsOfStages = [hosts.get("nas"), here, hosts.get("other")];

      const piping = pipeAcross(
        hostsOfStages.map((host) => ({ host, command: stage })),
        {
          here,
          signal: controller.signal,
          watch: {
            stderrLine: (line) => {
              pids.push(line);
              if (pids.length === 3) controller.abort();
            },
          },
        },
      );

      await assert.rejects(piping, { code: "interrupted" });
      // What ran far away ends with its connection: a moment later.
      for (let tries = 0; tries < 400 && pids.some(isThere); tries += 1) await sleep(50);
      assert.deepEqual(pids.filter(isThere), []);
    });

    test("reach a stage that has a secret, which no argument shows", async () => {
      await using hosts = open({ nas: server.entry });
      const here = hosts.here;
      const env = { TOLD: new Secret("tell-nobody-9") };
      const script = "cat; echo $TOLD; cat /proc/$$/cmdline /proc/$PPID/cmdline | tr -c a-z0-9- _";

      const { stdout } = await pipeAcross(
        [
          { host: here, command: sh("echo data") },
          { host: hosts.get("nas"), command: { ...sh(script), env } },
          { host: here, command: sh("cat") },
        ],
        { here, signal: never },
      );

      assert.match(stdout, /^data\ntell-nobody-9\n/);
      assert.equal(stdout.match(/tell-nobody/g)?.length, 1);
    });
  });
});

/** What would show itself, by leaving a trace or by arriving changed, if any shell looked at it. */
function hostileWords(trace: string): readonly string[] {
  const commands = [
    `touch ${trace}`,
    `\`touch ${trace}\``,
    `$(touch ${trace})`,
    `; touch ${trace};`,
  ];
  const wrapped = commands.flatMap((command) => [
    command,
    `'${command}'`,
    `"${command}"`,
    `'; ${command}; '`,
    `"; ${command}; "`,
    `\n${command}\n`,
    `| ${command}`,
    `& ${command} &`,
  ]);
  return [
    ...wrapped,
    `-oProxyCommand=touch ${trace}`,
    `--rsh=touch ${trace}`,
    "-",
    "--",
    "",
    "\\",
    "\\\\'",
    "'",
    '"',
    "%s%n%%",
    "\\0141\\n",
    "!!",
    "!$",
    "~root",
    "*",
    "a\rb\tc\u0001d\u001b[31m",
    "ends with line feeds\n\n",
    "\n",
    "émoji 🗄️",
    "#comment",
    "{a,b}",
    "$HOME ${HOME} $$",
  ];
}
