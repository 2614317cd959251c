// Whoever kills a restore, and when: what was there is there again after `recover`, or all of it was put back. Never a mix.
// HOLDFAST_KILLS: how many kills (default 6), or "all": before, in and after each of its commands.
import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret } from "../../src/kernel/secret.ts";
import { KillOrders, type KillOrder } from "../support/kill-orders.ts";
import { mariadbTools, type MariadbServer, startMariadb } from "../support/mariadb-server.ts";
import { processesOf } from "../support/processes.ts";
import { Cloud, type CloudState } from "../support/restored-cloud.ts";
import { withoutTools } from "../support/tools.ts";

const wanted = process.env["HOLDFAST_KILLS"] ?? "6";
const password = "a-canary-password";
const words = ["restore", "cloud", "--in-place", "--yes"];
// Whatever changes something outside is one of these, or is started by one of them.
const programs = ["mv", "cp", "rm", "mkdir", "touch", "sync", "chown", "chmod", "sh"];
const options = {
  skip: withoutTools("tar", ...mariadbTools),
  timeout: 4 * 3_600_000,
};

/** When it is killed, and what. Default: a restore. */
interface Kill {
  readonly order: KillOrder;
  readonly call?: readonly string[];
}

/** Starts a call that is killed, and waits until nothing of it runs any more. */
async function killed(cloud: Cloud, orders: KillOrders, kill: Kill): Promise<boolean> {
  const { user } = cloud;
  const { order, call = words } = kill;
  await orders.reset();
  await rm(user.at("victim"), { force: true });
  await orders.give(order);
  const { child, ended } = user.start(call, { env: { PATH: orders.path } });
  await user.write("victim", `${child.pid}\n`);
  const { exitStatus } = await ended;
  for (let left = 200; left > 0 && processesOf(user.home).length > 0; left -= 1) await sleep(50);
  await orders.reset();
  return exitStatus === null;
}

/** Which of its two states it is in. */
function which(state: CloudState, made: { before: CloudState; after: CloudState }): string {
  for (const [name, known] of Object.entries(made)) {
    if (JSON.stringify(known) === JSON.stringify(state)) return name;
  }
  assert.deepEqual(state, made.after, "it is a mix");
  return "";
}

/** No more of them than are wanted, evenly spread. */
function spread(orders: readonly KillOrder[]): readonly KillOrder[] {
  if (wanted === "all") return orders;
  const count = Math.min(Number(wanted), orders.length);
  const step = orders.length / count;
  return Array.from(
    { length: count },
    (_, index) => orders[Math.floor((index + 0.5) * step)],
  ).flatMap((order) => order ?? []);
}

/** A cloud on a server that was backed up. */
async function backedUp(server: MariadbServer): Promise<Cloud> {
  await server.createDatabase("cloud", "cloud", password);
  const { host, port } = server;
  const settings = { kind: "mariadb", name: "cloud", user: "cloud", host, port } as const;
  const cloud = await Cloud.make({
    database: {
      settings: { ...settings, password: new Secret(password) },
      query: async (statements) => await server.query(statements, "cloud"),
    },
  });
  await cloud.succeed("run");
  return cloud;
}

test("a restore that is killed leaves what was there, or what was restored", options, async (t) => {
  await using server = await startMariadb();
  await using cloud = await backedUp(server);
  const before = await cloud.state();
  await cloud.change();
  const after = await cloud.state();
  const orders = await KillOrders.make(cloud.user, programs);
  const undisturbed = await cloud.call(words, { env: { PATH: orders.path } });
  assert.equal(undisturbed.exitStatus, 0, undisturbed.stderr);
  const commands = await orders.called();
  const all = commands.flatMap((_, index) =>
    (["before", "in", "after"] as const).map((word): KillOrder => `${word} ${index + 1}`),
  );
  const found = { before: 0, after: 0, neither: 0 };

  for (const order of spread(all)) {
    await removeSafetyCopies(cloud);
    await cloud.change();
    if (!(await killed(cloud, orders, { order }))) found.neither += 1;

    const { exitStatus, stdout, stderr } = await cloud.user.holdfast("recover");

    const about = `${order}, ${commands[Number(order.split(" ")[1]) - 1]}: ${stdout}${stderr}`;
    assert.equal(exitStatus, 0, about);
    const state = which(await cloud.state(), { before, after });
    if (state === "before" || state === "after") found[state] += 1;
    assert.equal(cloud.nextcloud.isInMaintenance(), false, about);
    assert.deepEqual(await cloud.leftovers(), [], about);
    const copies = await cloud.safetyCopies();
    assert.equal(copies.length, state === "before" ? 1 : 0, about);
    for (const name of copies) await assertNoPassword(join(cloud.nextcloud.folder, name), about);
  }

  t.diagnostic(
    `${commands.length} commands; after a kill as restored ${found.before} times, as before ${found.after} times; not killed: ${found.neither}`,
  );
  const tried = spread(all).length;
  assert.ok(
    found.neither <= tried / 2,
    `${found.neither} of ${tried} ended before they were killed`,
  );
  await cloud.change();
  await cloud.succeed(...words);
  assert.deepEqual(await cloud.state(), before);
});

test("a recovery that is killed is gone on with by the next", options, async (t) => {
  await using server = await startMariadb();
  await using cloud = await backedUp(server);
  const orders = await KillOrders.make(cloud.user, programs);
  await cloud.call(words, { env: { PATH: orders.path } });
  const called = await orders.called();
  // Two further: it was dropped, and made anew.
  const order: KillOrder = `after ${called.findIndex((each) => each.endsWith(".replacing")) + 3}`;
  await removeSafetyCopies(cloud);
  await cloud.change();
  const after = await cloud.state();
  assert.ok(await killed(cloud, orders, { order }));
  const undisturbed = await cloud.call(["recover"], { env: { PATH: orders.path } });
  assert.equal(undisturbed.exitStatus, 0, undisturbed.stderr);
  const commands = await orders.called();
  const all = commands.flatMap((_, index) =>
    (["before", "after"] as const).map((word): KillOrder => `${word} ${index + 1}`),
  );

  for (const each of spread(all)) {
    assert.ok(await killed(cloud, orders, { order }));
    await killed(cloud, orders, { order: each, call: ["recover"] });

    const { exitStatus, stdout, stderr } = await cloud.user.holdfast("recover");

    const about = `${each}, ${commands[Number(each.split(" ")[1]) - 1]}: ${stdout}${stderr}`;
    assert.equal(exitStatus, 0, about);
    assert.deepEqual(await cloud.state(), after, about);
    assert.equal(cloud.nextcloud.isInMaintenance(), false, about);
    assert.deepEqual(await cloud.leftovers(), [], about);
    assert.deepEqual(await cloud.safetyCopies(), [], about);
  }
  t.diagnostic(`${commands.length} commands of a recovery`);
});

async function removeSafetyCopies(cloud: Cloud): Promise<void> {
  for (const name of await cloud.safetyCopies()) {
    await rm(join(cloud.nextcloud.folder, name), { recursive: true });
  }
}

/** But for the copy of config.php, which is as private. */
async function assertNoPassword(folder: string, about: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const text = await readFile(join(folder, entry.name), "utf8");
    assert.ok(!text.includes(password), `${entry.name}, ${about}`);
  }
}
