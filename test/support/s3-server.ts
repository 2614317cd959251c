// Knows: how a test gets a real S3 service of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./service.ts";

const execute = promisify(execFile);
const script = join(import.meta.dirname, "s3-server.sh");

/** What it needs, for `withoutTools`. */
export const s3ServerTools = ["bash", "ceph-mon", "ceph-osd", "ceph-mgr", "radosgw"] as const;

/** An S3 service on loopback with one user. */
export interface S3Server extends AsyncDisposable {
  /** Such as `http://127.0.0.1:7480`; buckets are the first part of the path. */
  readonly address: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Starts a Ceph RADOS gateway that keeps its data in memory: takes some 15 seconds. */
export async function startS3Server(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-s3-"));
  const [port, monitor] = [await freePort(), await freePort()];
  const [accessKey, secretKey] = ["HOLDFASTTEST", "not-a-secret-only-a-test"];
  const stop = async (): Promise<void> => {
    await execute("bash", [script, "stop", directory], { timeout: 60_000 });
    await rm(directory, { recursive: true, force: true });
  };
  try {
    // Its daemons keep the output open: they must not get ours.
    await execute(
      "bash",
      ["-c", 'exec bash "$@" </dev/null >"$0" 2>&1', join(directory, "start.log")].concat([
        script,
        "start",
        directory,
        String(port),
        String(monitor),
      ]),
      {
        env: { ...process.env, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey },
        timeout: 120_000,
      },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    [Symbol.asyncDispose]: stop,
  };
}
