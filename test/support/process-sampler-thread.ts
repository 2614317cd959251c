// The thread of process-sampler.ts.
import { readdirSync, readFileSync } from "node:fs";
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import type { Sample, SeenProcess } from "./process-sampler.ts";

if (parentPort === null) throw new Error("this is a thread of process-sampler.ts");

const pauseMs = 0.3;
const old = new Set(readdirSync("/proc"));
const seen = new Map<string, SeenProcess>();
const pause = new Int32Array(new SharedArrayBuffer(4));
let looks = 0;

parentPort.postMessage("looking", []);
const started = performance.now();
while (receiveMessageOnPort(parentPort) === undefined) {
  for (const name of readdirSync("/proc")) if (!old.has(name)) look(name);
  looks += 1;
  Atomics.wait(pause, 0, 0, pauseMs);
}
const sample: Sample = {
  processes: [...seen.values()],
  looks,
  looksPerSecond: Math.round(looks / ((performance.now() - started) / 1000)),
};
parentPort.postMessage(sample, []);
parentPort.close();

function look(name: string): void {
  const pid = Number(name);
  if (!Number.isInteger(pid)) return;
  const argv = read(pid, "cmdline");
  const key = `${pid} ${argv}`;
  // Between two programs it has none; a process that has ended has none any more.
  if (argv === "" || seen.has(key)) return;
  seen.set(key, { pid, arguments: argv, environment: read(pid, "environ") });
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It has ended meanwhile, or belongs to somebody else.
    return "";
  }
}
