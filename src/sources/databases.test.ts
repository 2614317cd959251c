import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { dumpPaths } from "./database-source.ts";
import { AnySource } from "./index.ts";

function placeOf(input: unknown): string {
  return AnySource.parse(input).at;
}

suite("a database in the configuration", () => {
  test("is an application with a place for its dump, that is its own and stays", () => {
    const { kind, label, application, at } = AnySource.parse({ mariadb: { name: "shop" } });

    assert.deepEqual(
      { kind, label, application, at },
      {
        kind: "paths",
        label: "mariadb shop",
        application: true,
        at: "~/.cache/holdfast/staging/mariadb-shop",
      },
    );
    assert.equal(placeOf({ mariadb: { name: "shop" } }), at);
  });

  test("of the same name on another server has another place", () => {
    const places = [
      { name: "shop" },
      { name: "shop", port: 3307 },
      { name: "shop", through: ["docker", "exec", "-i", "one"] },
      { name: "shop", through: ["docker", "exec", "-i", "two"] },
      { name: "sh/op" },
      { name: "sh op" },
    ].map((postgresql) => placeOf({ postgresql }));

    assert.equal(new Set(places).size, places.length);
    for (const place of places) assert.match(place, /^~\/\.cache\/holdfast\/staging\/[\w-]+$/);
  });

  test("is on another machine where its staging is, or its file", () => {
    assert.equal(
      placeOf({ mariadb: { name: "shop", staging: "nas:tmp" } }),
      "nas:tmp/mariadb-shop",
    );
    assert.equal(placeOf({ mariadb: { name: "shop", staging: "nas:" } }), "nas:mariadb-shop");
    assert.equal(placeOf({ sqlite: { file: "nas:app/app.db" } }), "nas:app/app.db");
  });

  test("has no room for what contradicts itself, or is not known", () => {
    for (const input of [
      { mariadb: {} },
      { mariadb: { name: "" } },
      { mariadb: { name: "shop", socket: "/run/s", host: "db" } },
      { mariadb: { name: "shop", through: "docker exec -i db" } },
      { postgresql: { name: "shop", compress: "xz" } },
      { postgresql: { name: "shop", file: "x" } },
      { sqlite: { file: "app.db", through: ["docker", "exec", "-i", "app"] } },
      { sqlite: { file: "/app.db", staging: "nas:tmp" } },
    ]) {
      assert.equal(AnySource.safeParse(input).success, false, JSON.stringify(input));
    }
  });
});

test("a dump is looked for wherever an engine may have put it", () => {
  const staging = "/home/me/.cache/holdfast/staging/mariadb-shop";
  const database = { staging, file: (kind: string) => `shop.sql${kind === "zstd" ? ".zst" : ""}` };

  const paths = dumpPaths(database, { folder: "/restored", paths: ["/old/mariadb-shop"] });

  for (const expected of [
    `/restored${staging}/shop.sql`,
    "/restored/shop.sql.zst",
    "/restored/old/mariadb-shop/shop.sql",
    "/restored/mariadb-shop/shop.sql",
  ]) {
    assert.ok(paths.includes(expected), expected);
  }
});
