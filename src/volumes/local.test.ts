import assert from "node:assert/strict";
import { homedir } from "node:os";
import { suite, test } from "node:test";
import * as z from "zod";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import type { Host, PathState } from "../hosts/host.ts";
import { AnyVolume } from "./index.ts";
import type { Volume } from "./volume.ts";

const missing: PathState = { kind: "missing" };
const file: PathState = { kind: "file", empty: true, device: "1", freeBytes: 10 };
const directory: PathState = { kind: "directory", empty: false, device: "1", freeBytes: 1000 };
const denied: PathState = { kind: "unreadable", reason: "permission denied" };

/** What is at /mnt/usb; what is not said is missing. */
function drive(found: {
  readonly path: PathState;
  readonly marker?: PathState;
  readonly nbkpMarker?: PathState;
}): { readonly paths: Record<string, PathState> } {
  return {
    paths: {
      "/mnt/usb": found.path,
      "/mnt/usb/.holdfast-volume": found.marker ?? missing,
      "/mnt/usb/.nbkp-vol": found.nbkpMarker ?? missing,
    },
  };
}

const secret = async () => assert.fail("a directory needs no secret");

function open(host: Host, options: { marker?: boolean } = {}): Volume {
  const spec = AnyVolume.parse({ path: "/mnt/usb", ...options });
  const ledger = { promise: () => assert.fail("a directory needs no ledger") };
  return spec.open({ name: "usb", host, ledger, secret });
}

suite("the configuration of a volume", () => {
  test("understands ~ as the home directory", () => {
    assert.equal(AnyVolume.parse({ path: "~" }).path, homedir());
    assert.equal(AnyVolume.parse({ path: "~/drive" }).path, `${homedir()}/drive`);
    assert.equal(AnyVolume.parse({ path: "/~/drive" }).path, "/~/drive");
  });

  test("has no room for keys that it does not know", () => {
    assert.equal(AnyVolume.safeParse({ path: "/mnt/usb", uuid: "1" }).success, false);
    assert.equal(AnyVolume.safeParse({}).success, false);
    assert.equal(AnyVolume.safeParse({ path: "" }).success, false);
  });

  test("can be written down as JSON Schema", () => {
    const schema = JSON.stringify(z.toJSONSchema(AnyVolume, { io: "input" }));

    assert.match(schema, /"device":/);
  });
});

suite("a volume is present", () => {
  for (const [name, found] of [
    ["when its directory holds the marker", { path: directory, marker: file }],
    ["when its directory holds the marker of nbkp", { path: directory, nbkpMarker: file }],
    ["when its marker happens to be a directory", { path: directory, marker: directory }],
  ] as const) {
    test(name, async ({ signal }) => {
      using host = new ScriptedHost([], drive(found));

      const state = await open(host).observe(signal);

      assert.deepEqual(state, { kind: "mounted", path: "/mnt/usb", freeBytes: 1000 });
    });
  }

  test("without a marker when it asks for none", async ({ signal }) => {
    using host = new ScriptedHost([], drive({ path: directory }));

    const state = await open(host, { marker: false }).observe(signal);

    assert.equal(state.kind, "mounted");
  });
});

suite("a volume is away", () => {
  for (const [name, found, reason] of [
    ["when its path is missing", { path: missing }, /^\/mnt\/usb does not exist$/],
    ["when its path is a file", { path: file, marker: missing }, /is not a directory/],
    ["when its path cannot be read", { path: denied, marker: denied }, /permission denied/],
    ["when there is no marker", { path: directory }, /holds no \.holdfast-volume/],
    [
      "when its marker cannot be seen",
      { path: directory, marker: denied },
      /marker cannot be read/,
    ],
  ] as const) {
    test(name, async ({ signal }) => {
      using host = new ScriptedHost([], drive(found));

      const state = await open(host).observe(signal);

      assert.equal(state.kind, "away");
      assert.match(state.kind === "away" ? state.reason : "", reason);
    });
  }

  test("and says how to mark it, where that may be all that is missing", async ({ signal }) => {
    using host = new ScriptedHost([], drive({ path: directory }));

    const state = await open(host).observe(signal);

    assert.match(state.kind === "away" ? (state.hint ?? "") : "", /holdfast init/);
  });

  test("and cannot be attached", async ({ signal }) => {
    using host = new ScriptedHost([], drive({ path: missing }));

    const attaching = open(host).attach(signal);

    await assert.rejects(attaching, {
      code: "volume-away",
      message: 'volume "usb" is not there: /mnt/usb does not exist',
      hint: "plug it in or mount it",
    });
  });
});

test("attaching a volume that is there changes nothing", async ({ signal }) => {
  using host = new ScriptedHost([], drive({ path: directory, marker: file }));

  await using attached = await open(host).attach(signal);

  assert.equal(attached.path, "/mnt/usb");
  assert.deepEqual(host.ran, []);
});

suite("initialising a volume", () => {
  test("writes its marker", async ({ signal }) => {
    using host = new ScriptedHost(
      ["touch -- /mnt/usb/.holdfast-volume", { exitStatus: 0 }],
      drive({ path: directory }),
    );

    const created = await open(host).init(signal);

    assert.equal(created, true);
    assert.equal(host.ran[0]?.effect, "writes");
  });

  for (const [name, found, options] of [
    ["is done already where there is a marker", { path: directory, marker: file }, {}],
    ["is done already where nbkp marked it", { path: directory, nbkpMarker: file }, {}],
    ["is nothing where no marker is asked for", { path: directory }, { marker: false }],
  ] as const) {
    test(name, async ({ signal }) => {
      using host = new ScriptedHost([], drive(found));

      const created = await open(host, options).init(signal);

      assert.equal(created, false);
    });
  }

  test("never creates the directory itself", async ({ signal }) => {
    using host = new ScriptedHost([], drive({ path: missing }));

    const initialising = open(host).init(signal);

    await assert.rejects(initialising, { code: "volume-away" });
    assert.deepEqual(host.ran, []);
  });
});
