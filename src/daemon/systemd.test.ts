import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Answer, ScriptedHost } from "../../test/support/scripted-host.ts";
import { serviceState, takeServiceEnvironment } from "./systemd.ts";

const socket = { NOTIFY_SOCKET: "/run/systemd/notify" };

/** A service, what systemd is expected to be told, and what the service said of it. */
function aService(env: NodeJS.ProcessEnv, script: readonly (string | Answer)[]) {
  const host = new ScriptedHost(script);
  const said: string[] = [];
  const service = serviceState(host, env, (message) => said.push(message));
  return { host, service, said };
}

suite("what systemd is told", () => {
  test("is nothing when it did not start us", async () => {
    const { host, service } = aService({}, []);
    using _ = host;

    await service.ready("2 jobs");
    await service.alive("idle");
    await service.stopping();

    assert.equal(service.aliveWithinMs, Infinity);
  });

  test("is readiness, each new status once, and the end", async () => {
    const { host, service } = aService(socket, [
      "systemd-notify --ready --status=2 jobs",
      {},
      "systemd-notify --status=running documents",
      {},
      "systemd-notify STOPPING=1 --status=ending",
      {},
    ]);
    using _ = host;

    await service.ready("2 jobs");
    await service.alive("2 jobs");
    await service.alive("running documents");
    await service.alive("running documents");
    await service.stopping();
  });

  test("is a sign of life often enough for the watchdog, and not at every look", async (t) => {
    let now = 0;
    t.mock.method(performance, "now", () => now);
    const { host, service } = aService({ ...socket, WATCHDOG_USEC: "300000000" }, [
      "systemd-notify --ready --status=2 jobs",
      {},
      "systemd-notify WATCHDOG=1",
      {},
    ]);
    using _ = host;
    assert.equal(service.aliveWithinMs, 150_000);
    await service.ready("2 jobs");

    await service.alive("2 jobs");
    now += 76_000;
    await service.alive("2 jobs");
    await service.alive("2 jobs");
  });

  test("is no sign of life when the watchdog watches another process", () => {
    const { service } = aService({ ...socket, WATCHDOG_USEC: "300000000", WATCHDOG_PID: "1" }, []);

    assert.equal(service.aliveWithinMs, Infinity);
  });

  test("is tried again after a failure, which is said once", async () => {
    const { host, service, said } = aService(socket, [
      "systemd-notify --ready --status=2 jobs",
      { exitStatus: 1, stderr: "no such socket" },
      "systemd-notify --status=idle",
      { exitStatus: 1, stderr: "no such socket" },
      "systemd-notify --status=ending",
      {},
    ]);
    using _ = host;

    await service.ready("2 jobs");
    await service.alive("idle");
    await service.alive("ending");

    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /^cannot tell systemd how this service is: .*no such socket/s);
  });

  test("does not hide a bug", async () => {
    const { service } = aService(socket, []);

    await assert.rejects(async () => await service.ready("2 jobs"), { code: "ERR_ASSERTION" });
  });
});

test("commands that are started later do not speak for the service", () => {
  const env = { ...socket, WATCHDOG_USEC: "1", WATCHDOG_PID: "2", PATH: "/usr/bin" };

  const own = takeServiceEnvironment(env);

  assert.deepEqual(env, { PATH: "/usr/bin" });
  assert.equal(own["NOTIFY_SOCKET"], socket.NOTIFY_SOCKET);
  assert.equal(own["WATCHDOG_USEC"], "1");
});
