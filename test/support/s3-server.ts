// Knows: how a test gets a real S3 service of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
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
  /** Stores an object, such as `bucket/path`; without a body it makes a bucket. */
  put(path: string, body?: Uint8Array<ArrayBuffer>): Promise<void>;
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
  const address = `http://127.0.0.1:${port}`;
  return {
    address,
    accessKey,
    secretKey,
    async put(path, body = new Uint8Array()) {
      const headers = sign(`127.0.0.1:${port}`, `/${path}`, { accessKey, secretKey });
      const response = await fetch(`${address}/${path}`, { method: "PUT", headers, body });
      if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** The headers of a PUT, signed: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function sign(
  host: string,
  path: string,
  { accessKey, secretKey }: Pick<S3Server, "accessKey" | "secretKey">,
): Record<string, string> {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = [time.slice(0, 8), "us-east-1", "s3", "aws4_request"];
  const payload = "UNSIGNED-PAYLOAD";
  const signed = "host;x-amz-content-sha256;x-amz-date";
  const request = `PUT\n${path}\n\nhost:${host}\nx-amz-content-sha256:${payload}\nx-amz-date:${time}\n\n${signed}\n${payload}`;
  const digest = createHash("sha256").update(request).digest("hex");
  const toSign = ["AWS4-HMAC-SHA256", time, scope.join("/"), digest].join("\n");
  const signature = hmac(scope.reduce<string | Buffer>(hmac, `AWS4${secretKey}`), toSign);
  return {
    "x-amz-content-sha256": payload,
    "x-amz-date": time,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope.join("/")}, SignedHeaders=${signed}, Signature=${signature.toString("hex")}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
