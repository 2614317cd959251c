import assert from "node:assert/strict";
import { test } from "node:test";
import { labelsOf, seriesOf, seriesOfSnapshot, tagsOf, type Habits, type Marks } from "./series.ts";

const job = { name: "documents", paths: ["/home/anna", "/etc"] };
const together: Habits = { machine: "laptop", perSource: false, tags: [] };
const apart: Habits = { ...together, perSource: true };

function marks(changes: Partial<Marks> = {}): Marks {
  return { tags: ["holdfast:documents"], host: "laptop", paths: job.paths, ...changes };
}

test("all that a job made on this machine is one series, whatever its sources were then", () => {
  const [series] = seriesOf(job, together);

  assert.equal(seriesOfSnapshot(marks(), job, together), series);
  assert.equal(seriesOfSnapshot(marks({ paths: ["/old"] }), job, together), series);
  const labelled = marks({ tags: ["holdfast:documents", "pre-upgrade"] });
  assert.equal(seriesOfSnapshot(labelled, job, together), series);
});

test("a snapshot for each source is a series for each source", () => {
  const series = seriesOf(job, apart);

  assert.equal(series.length, 2);
  assert.equal(seriesOfSnapshot(marks({ paths: ["/home/anna"] }), job, apart), series[0]);
  assert.equal(seriesOfSnapshot(marks({ paths: ["/etc"] }), job, apart), series[1]);
});

test("what another program left for the same host and paths is continued", () => {
  const untagged = marks({ tags: [], paths: ["/etc", "/home/anna/"] });
  const [series] = seriesOf(job, together);

  assert.equal(seriesOfSnapshot(untagged, job, together), series);
  const single = marks({ tags: [], paths: ["/home/anna"] });
  assert.equal(seriesOfSnapshot(single, job, apart), seriesOf(job, apart)[0]);
});

test("everything else has no series, so that nobody forgets it", () => {
  const others = [
    marks({ tags: ["holdfast:photos"] }),
    marks({ tags: ["holdfast:documents-old"] }),
    marks({ host: "server" }),
    marks({ tags: [], host: "server" }),
    marks({ tags: [], paths: ["/home/anna"] }),
    marks({ tags: [], paths: ["/home/anna", "/etc", "/srv"] }),
    marks({ tags: ["keep-for-ever"] }),
  ];

  for (const other of others) assert.equal(seriesOfSnapshot(other, job, together), undefined);
});

test("the tags that the repository gives to all are no reason to leave a snapshot out", () => {
  const habits = { ...together, tags: ["daily"] };

  const [series] = seriesOf(job, habits);
  assert.equal(seriesOfSnapshot(marks({ tags: ["daily"] }), job, habits), series);
});

test("labels survive, with commas, percent signs and all", () => {
  const labels = ["before, the upgrade", "50%", "%2C", "ordinary"];

  const tags = tagsOf("a, b", labels);

  assert.ok(tags.every((tag) => !tag.includes(",")));
  assert.deepEqual(labelsOf(tags), labels);
  assert.deepEqual(tagsOf("job", ["twice", "twice"]), ["holdfast:job", "twice"]);
});

test("a label that looks like the tag of another job does not make the snapshot that job's", () => {
  const tags = tagsOf("documents", ["holdfast:other", "%3A"]);

  assert.deepEqual(labelsOf(tags), ["holdfast:other", "%3A"]);
  const other = { name: "other", paths: ["/elsewhere"] };
  assert.equal(seriesOfSnapshot(marks({ tags }), other, together), undefined);
});
