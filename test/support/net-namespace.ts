// Knows: network namespaces, the lines between them, and how a line fails. Must not know: what runs in them.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as z from "zod";
import { commandLine, killIfThere } from "./processes.ts";

const execute = promisify(execFile);

/** Programs that this file needs, for `withoutTools`. */
export const namespaceTools = ["ip", "tc", "nft", "nsenter"] as const;

/** What is put before a command so that it runs in this network. Everything else stays as it is. */
export function inNetwork(namespace: string): readonly [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${namespace}`, "--"];
}

/** Makes a network of which nothing leads out. */
export async function newNetwork(namespace: string): Promise<void> {
  await execute("ip", ["netns", "add", namespace]);
  await execute("ip", ["-n", namespace, "link", "set", "lo", "up"]);
}

/** The name of a network that belongs to a folder. */
export function networkOf(folder: string, name: string): string {
  return join(folder, name).slice(1).replaceAll("/", ":");
}

/** The networks that belong to a folder, or to one below it. */
export function networksBelow(folder: string): readonly string[] {
  try {
    return readdirSync("/run/netns").filter((name) => name.startsWith(networkOf(folder, "/")));
  } catch {
    // Nobody has made one since this machine was started.
    return [];
  }
}

/** The processes in a network. */
export async function processesIn(namespace: string): Promise<readonly number[]> {
  const { stdout } = await execute("ip", ["netns", "pids", namespace]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Kills everything that runs in a network, and waits for its end. */
export async function killAllIn(namespace: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const pids = await processesIn(namespace);
    if (pids.length === 0) return;
    for (const pid of pids) killIfThere(pid);
    await sleep(50);
  }
  const left = (await processesIn(namespace)).map(commandLine).join("; ");
  throw new Error(`processes in network ${namespace} cannot be killed: ${left}`);
}

/** Takes a network away, with all that runs in it. */
export async function removeNetwork(namespace: string): Promise<void> {
  await killAllIn(namespace);
  await execute("ip", ["netns", "del", namespace]);
}

/** Bytes that have come in and gone out at the far end of a line. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** A line between two networks. Whatever happens to it happens at once. */
export interface Line {
  /** The address of the far end. */
  readonly address: string;
  traffic(): Promise<Traffic>;
  /** Pulls the plug at the far end. */
  cut(): Promise<void>;
  /** Loses everything at the far end, in both directions, without a word to anyone. */
  swallow(): Promise<void>;
  /** Undoes `cut` and `swallow`. */
  heal(): Promise<void>;
  /** So slow, in both directions. */
  slowDown(kilobytesPerSecond: number): Promise<void>;
  /** As fast as can be again. */
  speedUp(): Promise<void>;
}

/** Joins two networks. The number is one that no other line from `here` has. */
export async function joinNetworks(here: string, far: string, number: number): Promise<Line> {
  const near = `line${number}`;
  const address = `10.77.${number}.2`;
  const pair = ["type", "veth", "peer", "name", "line", "netns", far];
  await execute("ip", ["-n", here, "link", "add", near, ...pair]);
  await execute("ip", ["-n", here, "addr", "add", `10.77.${number}.1/24`, "dev", near]);
  await execute("ip", ["-n", far, "addr", "add", `${address}/24`, "dev", "line"]);
  const set = async (state: "up" | "down"): Promise<void> => {
    await execute("ip", ["-n", far, "link", "set", "line", state]);
  };
  await execute("ip", ["-n", here, "link", "set", near, "up"]);
  await set("up");
  const ends = [
    [here, near],
    [far, "line"],
  ] as const;
  return {
    address,
    traffic: async () => await trafficOf(far),
    cut: async () => await set("down"),
    swallow: async () => await nft(far, swallowing),
    async heal() {
      await nft(far, "add table inet swallow; delete table inet swallow");
      await set("up");
    },
    async slowDown(kilobytesPerSecond) {
      const rate = ["tbf", "rate", `${kilobytesPerSecond * 8}kbit`, "burst", "32kb"];
      for (const [network, device] of ends) {
        await tc(network, ["replace", "dev", device, "root", ...rate, "latency", "100ms"]);
      }
    },
    async speedUp() {
      for (const [network, device] of ends) await tc(network, ["del", "dev", device, "root"]);
    },
  };
}

const swallowing = ["input", "output"]
  .map(
    (hook) =>
      `add chain inet swallow ${hook} { type filter hook ${hook} priority 0; policy drop; }`,
  )
  .reduce((rules, rule) => `${rules}; ${rule}`, "add table inet swallow");

async function nft(namespace: string, rules: string): Promise<void> {
  const [program, ...args] = inNetwork(namespace);
  await execute(program, [...args, "nft", rules]);
}

async function tc(namespace: string, words: readonly string[]): Promise<void> {
  await execute("tc", ["-n", namespace, "qdisc", ...words]);
}

const Statistics = z.object({ bytes: z.number() });
const Links = z.tuple([z.object({ stats64: z.object({ rx: Statistics, tx: Statistics }) })]);

async function trafficOf(namespace: string): Promise<Traffic> {
  const words = ["-n", namespace, "-s", "-j", "link", "show", "dev", "line"];
  const { stdout } = await execute("ip", words);
  const [{ stats64 }] = Links.parse(JSON.parse(stdout));
  return { received: stats64.rx.bytes, sent: stats64.tx.bytes };
}
