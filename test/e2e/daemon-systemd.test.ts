// What systemd hears of the daemon, through a socket as systemd's own.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { backupUser } from "../support/backup-user.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { withoutTools } from "../support/tools.ts";

const options = {
  skip: withoutTools("restic", "systemd-notify", "systemd-socket-activate"),
  concurrency: 2,
};

/** A listener in systemd's place: a datagram socket, which Node has none of. */
class NotifySocket implements AsyncDisposable {
  heard = "";
  readonly path: string;
  readonly #child: ChildProcess;

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      // A message has no end of its own; systemd-notify sends this one behind each.
      this.heard += chunk.toString().replaceAll("BARRIER=1", "\n");
    });
  }

  static async open(path: string): Promise<NotifySocket> {
    const child = spawn(
      "systemd-socket-activate",
      ["--datagram", "--listen", path, "sh", "-c", "exec cat <&3"],
      { stdio: ["ignore", "pipe", "ignore"], env: { PATH: process.env["PATH"] } },
    );
    const socket = new NotifySocket(path, child);
    while (!(await isThere(path))) await sleep(20);
    return socket;
  }

  async hears(words: RegExp): Promise<void> {
    for (let tries = 0; !words.test(this.heard); tries += 1) {
      assert.ok(tries < 1200, `${words} was never told: ${this.heard}`);
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

suite("systemd is told", options, () => {
  test("that the daemon is ready, what it does, that it lives, and that it ends", async () => {
    await using user = await backupUser({ job: { schedule: "0 2 * * *" } });
    await using socket = await NotifySocket.open(user.at("notify"));
    await using daemon = new DaemonProcess(user, {
      words: ["--run-now"],
      env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "4000000" },
    });

    await socket.hears(/^READY=1$/m);
    await socket.hears(/^STATUS=running documents$/m);
    await socket.hears(/^STATUS=next: documents \d{4}-\d\d-\d\d 02:00$/m);
    await socket.hears(/^WATCHDOG=1$/m);
    const { exitStatus } = await daemon.end("SIGTERM");
    await socket.hears(/^STOPPING=1$/m);

    assert.equal(exitStatus, 0);
    assert.doesNotMatch(daemon.said, /cannot tell systemd/);
  });

  test("nothing by the hooks, which do not know of it", async () => {
    await using user = await backupUser({
      job: { schedule: "0 2 * * *", hooks: { before: [["sh", "-c", "env > environment"]] } },
    });
    await using socket = await NotifySocket.open(user.at("notify"));
    await using daemon = new DaemonProcess(user, {
      words: ["--run-now"],
      env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "4000000" },
    });
    await daemon.hears(/documents: done/);
    await daemon.end("SIGTERM");

    const environment = await user.read("environment");

    assert.match(environment, /^HOLDFAST_JOB=documents$/m);
    assert.doesNotMatch(environment, /NOTIFY_SOCKET|WATCHDOG/);
  });

  test("nothing where it cannot be reached, which is said once and stops nothing", async () => {
    await using user = await backupUser({ job: { schedule: "0 2 * * *" } });
    await using daemon = new DaemonProcess(user, {
      words: ["--run-now"],
      env: { NOTIFY_SOCKET: user.at("nowhere") },
    });

    await daemon.hears(/documents: done/);
    const { exitStatus, stderr } = await daemon.end("SIGTERM");

    assert.equal(exitStatus, 0);
    assert.equal(stderr.match(/warning: cannot tell systemd/g)?.length, 1, stderr);
  });
});
