// Knows: how to see the arguments and environment of every process that starts from now on. Must not know: what is looked for in them.
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** One process image that was seen: a process that executes another program is a further one. */
export interface SeenProcess {
  readonly pid: number;
  /** As in `/proc/PID/cmdline`: each ended by NUL. */
  readonly arguments: string;
  /** As in `/proc/PID/environ`; empty where it may not be read. */
  readonly environment: string;
}

/** What was seen until the end. */
export interface Sample {
  readonly processes: readonly SeenProcess[];
  /** How often all processes were looked at. */
  readonly looks: number;
  readonly looksPerSecond: number;
}

/** Looks at the processes of this machine more than a thousand times a second until it is stopped. */
export interface ProcessSampler extends AsyncDisposable {
  stop(): Promise<Sample>;
}

/** Starts looking, in a thread of its own. Processes that exist already are not looked at. */
export async function startProcessSampler(): Promise<ProcessSampler> {
  const worker = new Worker(new URL("process-sampler-thread.ts", import.meta.url));
  await once(worker, "message");
  return {
    async stop() {
      const answer = once(worker, "message");
      worker.postMessage("stop", []);
      const [sample]: Sample[] = await answer;
      if (sample === undefined) throw new Error("the sampler has said nothing");
      return sample;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
