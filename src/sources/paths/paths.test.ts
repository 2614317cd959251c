import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as z from "zod";
import { ScriptedHost } from "../../../test/support/scripted-host.ts";
import type { PathState } from "../../hosts/host.ts";
import { AnySource } from "../index.ts";
import type { Source } from "../source.ts";

const common = { device: "1", freeBytes: 1000 };
const documents: PathState = { kind: "directory", empty: false, ...common };

function openOn(host: ScriptedHost): Source {
  return AnySource.parse("laptop:Documents").open({
    host,
    location: "/home/me/Documents",
    ledger: { promise: () => assert.fail("reading needs no ledger") },
    newestSnapshot: async () => await Promise.reject(new Error("there is no repository")),
    secret: async () => assert.fail("reading needs no secret"),
  });
}

function hostWith(state: PathState): ScriptedHost {
  return new ScriptedHost([], { paths: { "/home/me/Documents": state } });
}

suite("the configuration of a source", () => {
  test("is a path, or a path with room for more", () => {
    for (const input of ["laptop:Documents", { path: "laptop:Documents" }]) {
      const { kind, at, label } = AnySource.parse(input);

      assert.deepEqual(
        { kind, at, label },
        {
          kind: "paths",
          at: "laptop:Documents",
          label: "laptop:Documents",
        },
      );
    }
  });

  test("has no room for keys that it does not know, and none for nothing", () => {
    for (const input of ["", {}, { path: "" }, { path: "/etc", exclude: [] }, 3, null]) {
      assert.equal(AnySource.safeParse(input).success, false);
    }
  });

  test("can be written down as JSON Schema", () => {
    const schema = JSON.stringify(z.toJSONSchema(AnySource, { io: "input" }));

    assert.match(schema, /"type":"string"/);
    assert.match(schema, /"additionalProperties":false/);
  });
});

suite("a source is ready", () => {
  for (const [name, state, empty] of [
    ["when it is a folder with something in it", documents, false],
    [
      "when it is a folder with nothing in it, which is for others to judge",
      { ...documents, empty: true },
      true,
    ],
    ["when it is a single file", { kind: "file", empty: false, ...common }, false],
  ] as const) {
    test(name, async ({ signal }) => {
      using host = hostWith(state);

      const found = await openOn(host).observe(signal);

      assert.deepEqual(found, { kind: "ready", empty });
    });
  }

  test("and is prepared by doing nothing to it", async ({ signal }) => {
    using host = hostWith(documents);
    const source = openOn(host);

    await using prepared = await source.prepare(signal);

    assert.equal(prepared.kind, "paths");
    assert.deepEqual(prepared.paths, ["/home/me/Documents"]);
    assert.deepEqual(prepared.paths, source.paths);
    assert.deepEqual(host.ran, []);
  });
});

suite("a source is not ready", () => {
  const cases: readonly (readonly [string, PathState, string, RegExp])[] = [
    [
      "when it does not exist",
      { kind: "missing" },
      "source-missing",
      /\/home\/me\/Documents does not exist/,
    ],
    [
      "when it may not be read",
      { kind: "unreadable", reason: "permission denied" },
      "source-unreadable",
      /permission denied/,
    ],
    [
      "when it is a device",
      { kind: "other", empty: false, ...common },
      "source-unreadable",
      /no content that could be kept/,
    ],
    [
      "when it is a link, of which a backup would hold nothing but the link",
      { ...documents, leadsTo: "/data/Documents" },
      "source-unreadable",
      /write the place it leads to, \/data\/Documents/,
    ],
  ];

  for (const [name, state, code, reason] of cases) {
    test(name, async ({ signal }) => {
      using host = hostWith(state);
      const source = openOn(host);

      const found = await source.observe(signal);

      assert.equal(`source-${found.kind}`, code);
      assert.match("reason" in found ? found.reason : "", reason);
      await assert.rejects(source.prepare(signal), { code, message: reason, hint: /./ });
    });
  }
});
