// Knows: how a test gets a REST server for restic. Must not know: what it is tested for.
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchProgram } from "./debian-program.ts";
import { freePort, startService } from "./service.ts";

const fetched = await fetchProgram({
  suite: "sid",
  package: "restic-rest-server",
  program: "restic-rest-server",
  name: "restic-rest-server",
});

/** For `skip`: why there is no REST server here, or false. */
export const withoutRestServer = fetched.kind === "missing" ? fetched.reason : false;

/** What the server is to do besides serving. */
export interface RestServerOptions {
  readonly user?: { readonly name: string; readonly password: string };
  readonly maxBytes?: number;
  readonly appendOnly?: boolean;
}

/** A server with an empty folder of its own. Both vanish when it is disposed of. */
export interface RestServer extends AsyncDisposable {
  /** Such as `rest:http://127.0.0.1:8000`; what follows is a repository. */
  readonly address: string;
  /** The folder that it serves: a repository is a folder in it. */
  readonly directory: string;
}

/** Starts a REST server on loopback. */
export async function startRestServer(options: RestServerOptions = {}): Promise<RestServer> {
  if (fetched.kind === "missing") throw new Error(fetched.reason);
  const stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-rest-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const { user, maxBytes, appendOnly } = options;
  if (user !== undefined) {
    const hash = createHash("sha1").update(user.password).digest("base64");
    await writeFile(join(directory, ".htpasswd"), `${user.name}:{SHA}${hash}\n`);
  }
  const service = await startService(
    [
      fetched.path,
      "--path",
      directory,
      "--listen",
      `127.0.0.1:${port}`,
      ...(user === undefined ? ["--no-auth"] : []),
      ...(maxBytes === undefined ? [] : ["--max-size", String(maxBytes)]),
      ...(appendOnly === true ? ["--append-only"] : []),
    ],
    port,
  );
  stack.use(service);
  return {
    address: `rest:http://127.0.0.1:${port}`,
    directory,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}
