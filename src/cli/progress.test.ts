import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CapturedStream } from "../../test/support/captured-stream.ts";
import { plain } from "./paint.ts";
import { ProgressDisplay, progressLine, type RunningJob } from "./progress.ts";

const since = new Date("2026-11-20T02:00:00Z");
const after = (seconds: number): Date => new Date(since.getTime() + seconds * 1000);
const MiB = 1024 * 1024;

function line(progress: RunningJob["progress"], width = 120, seconds = 10): string {
  const running = { job: "documents", step: "backup", since, progress };
  return progressLine(running, { width, now: after(seconds), paint: plain });
}

suite("a progress line", () => {
  test("shows bar, bytes, rate and time left", () => {
    assert.equal(
      line({ bytesDone: 50 * MiB, bytesTotal: 200 * MiB }),
      "documents: backup  [#####---------------]  25 %  50 MiB of 200 MiB  5 MiB/s  30 s left",
    );
  });

  test("shows only what is known", () => {
    assert.equal(line({}), "documents: backup");
    assert.equal(line({ filesDone: 3 }), "documents: backup  3 files");
    assert.equal(line({ bytesDone: 0, bytesTotal: 0 }), "documents: backup");
  });

  test("believes the tool about the time left", () => {
    assert.match(
      line({ bytesDone: MiB, bytesTotal: 2 * MiB, secondsRemaining: 90 }),
      /1 min 30 s left/,
    );
  });

  test("guesses no time from the first moments", () => {
    assert.doesNotMatch(line({ bytesDone: MiB, bytesTotal: 2 * MiB }, 120, 1), /left/);
  });

  test("never goes beyond 100 % when totals are outgrown", () => {
    assert.match(line({ bytesDone: 3 * MiB, bytesTotal: 2 * MiB }), /\[#{20}\] 100 %/);
  });

  test("fits the terminal and cuts a path at its front", () => {
    const progress = {
      bytesDone: MiB,
      bytesTotal: 4 * MiB,
      current: `/home/${"x".repeat(200)}/end`,
    };

    for (const width of [20, 40, 79, 120, 160]) {
      const shown = line(progress, width);
      assert.ok(shown.length <= width, `${shown.length} > ${width}`);
      if (width >= 120) assert.match(shown, /…x*\/end$/);
    }
  });

  test("shows what is worked on without obeying it", () => {
    assert.match(line({ current: "a\u001B[2Jb" }), /a\\u\{1b\}\[2Jb$/);
  });
});

suite("the progress display", () => {
  test("redraws at most ten times a second, and leaves nothing behind", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const stream = new CapturedStream({ isTTY: true });
    const display = new ProgressDisplay(stream, { paint: plain, now: () => new Date() });

    for (let update = 0; update < 1000; update += 1) {
      const progress = { bytesDone: update, bytesTotal: 1000 };
      display.show("run", { job: "documents", step: "backup", since, progress });
      t.mock.timers.tick(1);
    }
    display[Symbol.dispose]();
    const drawn = stream.text.split("documents: backup").length - 1;

    assert.ok(drawn >= 9 && drawn <= 11, `drawn ${drawn} times in a second`);
    assert.equal(onScreen(stream.text), "");
  });

  test("shows several jobs at once and takes ended ones away", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const stream = new CapturedStream({ isTTY: true });
    const display = new ProgressDisplay(stream, { paint: plain, now: () => new Date() });

    display.show("1", { job: "documents", step: "backup", since, progress: {} });
    display.show("2", { job: "photos", step: "copy", since, progress: {} });
    t.mock.timers.tick(200);
    const both = onScreen(stream.text);
    display.remove("1");
    t.mock.timers.tick(200);
    const one = onScreen(stream.text);
    display[Symbol.dispose]();

    assert.equal(both, "documents: backup\nphotos: copy\n");
    assert.equal(one, "photos: copy\n");
  });
});

/** What a terminal shows after this output, as far as the display uses it. */
function onScreen(output: string): string {
  let screen = "";
  // oxlint-disable-next-line no-control-regex -- the control sequences of the display
  for (const [, text = "", up] of output.matchAll(/([^\u001B]*)(?:\u001B\[(\d+)A\r\u001B\[J)?/g)) {
    screen += text;
    if (up !== undefined)
      screen = screen
        .split("\n")
        .slice(0, -1 - Number(up))
        .map((row) => `${row}\n`)
        .join("");
  }
  return screen;
}
