import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { aJob } from "../../test/support/fixtures.ts";
import { Graph } from "../../test/support/json-shapes.ts";
import type { Config, Job, PlacedRepository } from "../config/config.ts";
import { flowOf } from "../config/graph.ts";
import type { PlacedSource } from "../sources/source.ts";
import type { VolumeSpec } from "../volumes/volume.ts";
import { graphMermaid } from "./graph-mermaid.ts";
import { graphText } from "./graph-text.ts";
import { plain } from "./paint.ts";

function open(): never {
  assert.fail("nothing is opened");
}

function source(label: string, on?: string): PlacedSource {
  const place =
    on === undefined ? { path: label } : { volume: on, path: label.split(":")[1] ?? "" };
  return { spec: { kind: "paths", label, at: label, open }, place };
}

function snapshotOf(at: string): PlacedSource {
  const spec = { kind: "paths", label: `repository ${at}`, at, repository: true, open } as const;
  return { spec, place: { path: "" } };
}

function kept(name: string, engine: string, place: PlacedRepository["place"]): PlacedRepository {
  const can = { onOtherHosts: true, readsOtherHosts: true, browsable: true, lacks: [], needs: [] };
  const spec = { engine, at: place.path, accepts: new Set(["paths"] as const), ...can, open };
  return { name, place, spec };
}

function volume(host?: string): VolumeSpec {
  return { path: "/mnt", marker: true, ...(host === undefined ? {} : { host }), open };
}

function configured(jobs: readonly Job[], repositories: readonly PlacedRepository[]): Config {
  return {
    file: "/etc/holdfast/holdfast.yaml",
    state: "/var/lib/holdfast",
    concurrency: 4,
    hosts: new Map(),
    volumes: new Map([
      ["usb", volume()],
      ["nas", volume("nas")],
    ]),
    repositories: new Map(repositories.map((each) => [each.name, each])),
    jobs: new Map(jobs.map((job) => [job.name, job])),
    notifiers: new Map(),
    secretVariables: [],
    warnings: [],
  };
}

const chain = configured(
  [
    aJob({
      name: "archive",
      sources: [snapshotOf("relay"), snapshotOf("music")],
      reads: ["relay", "music"],
      repository: "cold",
      disabled: true,
    }),
    aJob({
      name: "photos",
      sources: [source("~/Pictures"), source("usb:DCIM", "usb")],
      repository: "relay",
      copies: ["offsite"],
    }),
    aJob({ name: "music", sources: [source("nas:music", "nas")], repository: "music" }),
  ],
  [
    kept("relay", "rsync", { volume: "usb", path: "photos" }),
    kept("offsite", "rsync", { volume: "nas", path: "photos" }),
    kept("music", "rsync", { path: "/srv/music" }),
    kept("cold", "restic", { path: "s3:https://s3.example.org/cold" }),
    kept("old", "restic", { path: "/srv/old" }),
  ],
);

suite("what flows where", () => {
  test("is a tree for a terminal, from the sources to the last that reads", () => {
    assert.equal(
      graphText(flowOf(chain), plain),
      `photos
├─ reads  ~/Pictures
├─ reads  usb:DCIM
└─ keeps  relay (rsync, usb:photos)
   ├─ copied to  offsite (rsync, nas:photos on host nas)
   └─ read by  archive (disabled)
      ├─ reads  relay (rsync, usb:photos)
      ├─ reads  music (rsync, /srv/music)
      └─ keeps  cold (restic, s3:https://s3.example.org/cold)

music
├─ reads  nas:music on host nas
└─ keeps  music (rsync, /srv/music)
   └─ read by  archive (disabled) (see above)

old (restic, /srv/old): no job writes to it
`,
    );
  });

  test("is a flowchart for Mermaid, with a box around each other machine", () => {
    assert.equal(
      graphMermaid(flowOf(chain)),
      `flowchart LR
  n0["~/Pictures"]
  n1["usb:DCIM"]
  n3(["archive (disabled)"])
  n4(["photos"])
  n5(["music"])
  n6[("relay<br>rsync, usb:photos")]
  n8[("music<br>rsync, /srv/music")]
  n9[("cold<br>restic, s3:https://s3.example.org/cold")]
  n10[("old<br>restic, /srv/old")]
  subgraph host0["host nas"]
    n2["nas:music"]
    n7[("offsite<br>rsync, nas:photos")]
  end
  n6 --> n3
  n8 --> n3
  n3 ==> n9
  n0 --> n4
  n1 --> n4
  n4 ==> n6
  n6 -. copy .-> n7
  n2 --> n5
  n5 ==> n8
`,
    );
  });

  test("has a shape in JSON that is published", () => {
    Graph.parse({ version: 1, file: chain.file, ...flowOf(chain) });
  });

  test("shows names of folders that mean something elsewhere as they are", () => {
    const hostile = '/srv/"]; end <script> `#\n\u001B[2J';
    const config = configured(
      [aJob({ name: "all", sources: [source(hostile)], repository: "disk" })],
      [kept("disk", "restic", { path: "/srv/disk" })],
    );

    const [, label] = graphMermaid(flowOf(config)).split("\n");
    const [, reads] = graphText(flowOf(config), plain).split("\n");

    assert.equal(label, '  n0["/srv/#34;]; end #60;script#62; #96;#35;#92;n#92;u{1b}[2J"]');
    assert.equal(reads, '├─ reads  /srv/"]; end <script> `#\\n\\u{1b}[2J');
  });
});
