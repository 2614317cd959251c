// restic over the network: the same promises, and what only a service can do wrong.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import {
  shortEngineContract,
  withCode,
  Workshop,
  type EngineUnderTest,
  type RepositoryPlace,
} from "../../../test/support/engine-contract.ts";
import {
  openRestic,
  secret,
  template,
  type ResticOpening,
} from "../../../test/support/restic-places.ts";
import { resticVersions, type ResticVersion } from "../../../test/support/restic-versions.ts";
import {
  startRestServer,
  withoutRestServer,
  type RestServer,
} from "../../../test/support/rest-server.ts";
import { s3ServerTools, startS3Server, type S3Server } from "../../../test/support/s3-server.ts";
import { freePort } from "../../../test/support/service.ts";
import { sshdTools, startSshd } from "../../../test/support/sshd.ts";
import { withoutTools } from "../../../test/support/tools.ts";

let places = 0;

/** How a place at a service is opened, and how a repository gets there without the seconds of an init. */
interface Service {
  readonly location: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly create: () => Promise<void>;
}

/** A place at a service; what is there goes when the service goes. */
function servicePlace(version: ResticVersion, service: Service): RepositoryPlace {
  const { location, options, create } = service;
  return {
    location,
    open: (opening?: ResticOpening) =>
      openRestic(version, location, { ...opening, ...(options === undefined ? {} : { options }) }),
    create,
    async [Symbol.asyncDispose]() {
      // The service vanishes as a whole.
    },
  };
}

function restPlace(
  version: ResticVersion,
  server: RestServer,
  options: Readonly<Record<string, unknown>>,
): RepositoryPlace {
  const name = `place-${(places += 1)}`;
  return servicePlace(version, {
    location: `${server.address}/${name}/`,
    options,
    create: async () => {
      await cp(await template(version), join(server.directory, name), { recursive: true });
    },
  });
}

function s3Place(version: ResticVersion, server: S3Server): RepositoryPlace {
  const { address, accessKey, secretKey } = server;
  const [bucket, path] = ["bucket", `place-${(places += 1)}`];
  return servicePlace(version, {
    location: `s3:${address}/${bucket}/${path}`,
    options: {
      environment: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
    },
    async create() {
      const made = await template(version);
      const keys = (await readdir(join(made, "keys"))).map((key) => `keys/${key}`);
      await server.put(bucket);
      for (const name of ["config", ...keys]) {
        await server.put(`${bucket}/${path}/${name}`, await readFile(join(made, name)));
      }
    },
  });
}

/** Something that is started once, when the first test needs it, and ended after the last. */
function once<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  after(async () => await (await started)?.[Symbol.asyncDispose]());
  return async () => await (started ??= start());
}

const common = {
  secret,
  restoredAt: (target: string, path: string) => join(target, path),
};

const [oldest, , newest] = resticVersions;
if (oldest === undefined || newest === undefined) throw new Error("two versions are needed");

const restServer = once(async () => {
  return await startRestServer({ user: { name: "someone", password: "p@ss:w/rd %41" } });
});
const restEnvironment = {
  RESTIC_REST_USERNAME: "someone",
  RESTIC_REST_PASSWORD: "p@ss:w/rd %41",
};

const sshd = once(startSshd);
const s3Server = once(startS3Server);

suite("restic over the network", { concurrency: 3 }, () => {
  for (const version of [oldest, newest]) {
    const rest: EngineUnderTest = {
      ...common,
      name: `restic ${version.version} at a REST server`,
      skip: version.skip || withoutRestServer,
      newPlace: async () =>
        restPlace(version, await restServer(), { environment: restEnvironment }),
    };
    shortEngineContract(rest);

    const sftp: EngineUnderTest = {
      ...common,
      name: `restic ${version.version} over sftp`,
      skip: version.skip || withoutTools(...sshdTools),
      async newPlace() {
        const { config } = await sshd();
        const directory = await mkdtemp(join(tmpdir(), "holdfast-sftp-"));
        const repository = join(directory, "repository");
        return {
          ...servicePlace(version, {
            location: `sftp:server:${repository}`,
            options: { options: { "sftp.command": `ssh -F ${config} server -s sftp` } },
            create: async () => await cp(await template(version), repository, { recursive: true }),
          }),
          [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
        };
      },
    };
    shortEngineContract(sftp);

    const s3: EngineUnderTest = {
      ...common,
      name: `restic ${version.version} at an S3 service`,
      skip: version.skip || withoutTools(...s3ServerTools),
      newPlace: async () => s3Place(version, await s3Server()),
    };
    shortEngineContract(s3);

    suite(`restic ${version.version} at a service that is at fault`, { skip: version.skip }, () => {
      faults(version, { rest, s3 });
    });
  }
});

function faults(
  version: ResticVersion,
  { rest, s3 }: { readonly rest: EngineUnderTest; readonly s3: EngineUnderTest },
): void {
  const { signal } = new AbortController();

  const skip = withoutTools("ssh");
  test("cannot reach a server that is switched off, and soon says so", { skip }, async () => {
    const port = await freePort();
    const addresses = [
      `rest:http://127.0.0.1:${port}/`,
      `s3:http://127.0.0.1:${port}/bucket/path`,
      `sftp://127.0.0.1:${port}//path`,
      "rest:http://name.invalid/",
    ];
    const environment = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };

    await Promise.all(
      addresses.map(async (address) => {
        const repository = openRestic(version, address, { options: { environment } });
        await assert.rejects(repository.exists(signal), withCode("host-unreachable"), address);
      }),
    );
  });

  test("is refused by a REST server that wants another password", { skip: rest.skip }, async () => {
    const { address } = await restServer();
    const environment = { ...restEnvironment, RESTIC_REST_PASSWORD: "another" };

    for (const options of [{ environment }, {}]) {
      const repository = openRestic(version, `${address}/refused/`, { options });
      await assert.rejects(repository.exists(signal), refusedAccess);
      await assert.rejects(repository.init(signal), refusedAccess);
    }
  });

  test(
    "fills a REST server to its limit, and the earlier snapshot stays",
    { skip: rest.skip },
    async () => {
      await using server = await startRestServer({ maxBytes: 200_000 });
      const place = restPlace(version, server, {});
      await using workshop = await Workshop.open({ ...rest, newPlace: async () => place });
      const snapshot = await workshop.snapshot();
      await workshop.change(noise(1_000_000));

      await assert.rejects(
        place.open().backup(workshop.request(), workshop.work),
        withCode("repository-full"),
      );

      assert.deepEqual(await workshop.list(), [snapshot]);
    },
  );

  test(
    "does not take a snapshot for forgotten that an append-only server keeps",
    { skip: rest.skip },
    async () => {
      await using server = await startRestServer({ appendOnly: true });
      const place = restPlace(version, server, {});
      await using workshop = await Workshop.open({ ...rest, newPlace: async () => place });
      const snapshot = await workshop.snapshot();

      await assert.rejects(
        place.open().forget([snapshot.id], workshop.work),
        withCode("command-failed"),
      );

      assert.deepEqual(await workshop.list(), [snapshot]);
    },
  );

  test("is refused by an S3 service for a wrong key", { skip: s3.skip }, async () => {
    const { address, accessKey, secretKey } = await s3Server();
    const location = `s3:${address}/bucket/refused`;
    const wrong = [
      { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: "another-key" },
      { AWS_ACCESS_KEY_ID: "another-id", AWS_SECRET_ACCESS_KEY: secretKey },
    ];

    for (const environment of wrong) {
      const repository = openRestic(version, location, { options: { environment } });
      await assert.rejects(repository.exists(signal), refusedAccess);
    }
  });

  test(
    "takes a bucket that does not exist for a repository that does not",
    { skip: s3.skip },
    async () => {
      const { address, accessKey, secretKey } = await s3Server();
      const environment = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
      const repository = openRestic(version, `s3:${address}/no-such-bucket/path`, {
        options: { environment },
      });

      assert.equal(await repository.exists(signal), false);
    },
  );

  test("copies between services only with one set of keys", { skip: s3.skip }, async () => {
    await using from = await s3.newPlace();
    await using to = await s3.newPlace();
    const other = openRestic(version, to.location, {
      name: "further",
      options: { environment: { AWS_ACCESS_KEY_ID: "another", AWS_SECRET_ACCESS_KEY: "key" } },
    });

    await assert.rejects(other.init(signal, from.open()), (error) => {
      assert.ok(withCode("repository-unsupported")(error));
      assert.match(String(error), /AWS_ACCESS_KEY_ID/);
      return true;
    });
  });
}

function refusedAccess(error: unknown): boolean {
  assert.ok(withCode("command-failed")(error));
  assert.match(String(error), /refuses access/);
  return true;
}

/** Text that no compression makes much smaller. */
function noise(bytes: number): string {
  return randomBytes(bytes).toString("base64");
}
