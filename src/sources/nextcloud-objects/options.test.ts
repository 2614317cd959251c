import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as z from "zod";
import { AnySource } from "../index.ts";

function problemOf(options: object): string {
  const { error } = AnySource.safeParse({ "nextcloud-objects": options });
  return error === undefined ? "" : JSON.stringify(z.treeifyError(error));
}

const trees = [{ user: "alice" }];

suite("the configuration of files in S3", () => {
  test("needs no more than the folder of config.php and whose files", () => {
    const spec = AnySource.parse({ "nextcloud-objects": { config: "/srv/nc/config", trees } });

    assert.equal(spec.kind, "objects");
    assert.equal(spec.at, "/srv/nc/config");
    assert.equal(spec.placeless, undefined);
  });

  test("may say everything itself, and is then at no place", () => {
    const spec = AnySource.parse({
      "nextcloud-objects": {
        database: { kind: "mariadb", name: "nc", host: "db" },
        s3: { bucket: "nc", endpoint: "https://s3.example.org" },
        trees,
      },
    });

    assert.equal(spec.placeless, true);
    assert.equal(spec.label, "nextcloud-objects nc");
  });

  test("is refused where it leaves something open", () => {
    assert.match(problemOf({ trees }), /name config or occ, or say all of it/);
    assert.match(problemOf({ config: "/c", trees: [] }), /trees/);
    assert.match(problemOf({ config: "/c", trees: [{}] }), /name a user or a storage/);
    assert.match(problemOf({ config: "/c", trees: [{ storage: 3 }] }), /needs a folder/);
    assert.match(
      problemOf({ config: "/c", trees: [{ user: "a", folder: "../b" }] }),
      /expected a name/,
    );
    assert.match(
      problemOf({ config: "/c", trees: [{ user: "a", path: "files/../../b" }] }),
      /expected a path in the storage/,
    );
    assert.match(
      problemOf({ config: "/c", trees: [{ user: "a" }, { user: "b", folder: "a" }] }),
      /cannot share the folder a/,
    );
    assert.match(
      problemOf({ config: "/c", trees, s3: { "access-key": "AK" } }),
      /name both, or none/,
    );
    assert.match(problemOf({ config: "/c", trees, bucket: "b" }), /bucket/);
  });

  test("can be written down as JSON Schema", () => {
    const schema = JSON.stringify(z.toJSONSchema(AnySource, { io: "input" }));

    assert.match(schema, /"nextcloud-objects"/);
    assert.match(schema, /"exclude-mimetypes"/);
  });
});

test("a bucket is a source by its name alone", () => {
  const spec = AnySource.parse({ s3: { bucket: "photos", prefix: "2026/" } });

  assert.equal(spec.kind, "objects");
  assert.equal(spec.label, "s3://photos/2026/");
  assert.equal(spec.placeless, true);
});
