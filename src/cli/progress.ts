// Knows: how running jobs look on a terminal. Must not know: what they do.
import { formatSize } from "../kernel/figures.ts";
import type { Progress } from "../kernel/progress.ts";
import type { Footer, Stream } from "./render.ts";
import { displayWidth } from "./table.ts";
import type { Paint } from "./paint.ts";
import { formatSeconds, visible } from "./wording.ts";

/** One job that is being worked on. */
export interface RunningJob {
  readonly job: string;
  readonly step: string;
  /** Since when this step runs. */
  readonly since: Date;
  readonly progress: Progress;
}

const barWidth = 20;

// Less of a path says nothing.
const shortestPath = 20;

/**
 * One job as one line of at most `width` columns: name, step, bar, bytes, rate and time left, as
 * far as they are known, and what is being worked on as far as it fits.
 */
export function progressLine(
  running: RunningJob,
  { width, now, paint }: { readonly width: number; readonly now: Date; readonly paint: Paint },
): string {
  const { job, step, progress } = running;
  // Not the tool's own time: restic rounds it to seconds, and the rate would jump.
  const seconds = (now.getTime() - running.since.getTime()) / 1000;
  const line = [
    `${job}: ${step}`,
    bar(progress),
    amount(progress),
    rate(progress, seconds),
    remaining(progress, seconds),
  ]
    .filter((part) => part !== "")
    .join("  ");

  const room = width - displayWidth(line) - 2;
  const current = visible(progress.current ?? "");
  if (current === "" || room < shortestPath) return cut(line, width);
  return `${line}  ${paint.dim(cutFront(current, room))}`;
}

/** How much of the step is done, from 0 to 1; by bytes where they are known, else by files. */
function fraction(progress: Progress): number | undefined {
  const { bytesDone = 0, bytesTotal = 0, filesDone = 0, filesTotal = 0 } = progress;
  if (bytesTotal > 0) return Math.min(1, bytesDone / bytesTotal);
  if (filesTotal > 0) return Math.min(1, filesDone / filesTotal);
  return undefined;
}

function bar(progress: Progress): string {
  const done = fraction(progress);
  if (done === undefined) return "";
  const filled = Math.floor(done * barWidth);
  const percent = String(Math.floor(done * 100)).padStart(3);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${percent} %`;
}

function amount({ bytesDone, bytesTotal, filesDone, filesTotal }: Progress): string {
  // Some tools say 0 for a total that they do not know yet.
  if (bytesDone !== undefined && bytesDone + (bytesTotal ?? 0) > 0) {
    return `${formatSize(bytesDone)}${bytesTotal ? ` of ${formatSize(bytesTotal)}` : ""}`;
  }
  if (filesDone === undefined) return "";
  return `${filesDone}${filesTotal ? ` of ${filesTotal}` : ""} files`;
}

function rate({ bytesDone }: Progress, seconds: number): string {
  if (bytesDone === undefined || bytesDone === 0 || seconds < 1) return "";
  return `${formatSize(bytesDone / seconds)}/s`;
}

function remaining(progress: Progress, seconds: number): string {
  const done = fraction(progress);
  // The first moments say nothing about the rest.
  const guess =
    done !== undefined && done > 0.01 && seconds >= 2 ? (seconds / done) * (1 - done) : undefined;
  const left = progress.secondsRemaining ?? guess;
  return left === undefined || left < 1 ? "" : `${formatSeconds(Math.round(left))} left`;
}

function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

/** The end of a path says more than its beginning. */
function cutFront(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `…${characters.slice(1 - width).join("")}`;
}

// Ten times a second is as often as an eye can use.
const redrawMs = 100;

/**
 * Draws one line for each running job at the end of a terminal, at most ten times a second.
 * Disposing of it leaves nothing behind.
 */
export class ProgressDisplay implements Footer, Disposable {
  readonly #stream: Stream;
  readonly #paint: Paint;
  readonly #now: () => Date;
  readonly #running = new Map<string, RunningJob>();
  #drawnLines = 0;
  #drawnAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Stream, { paint, now }: { readonly paint: Paint; readonly now: () => Date }) {
    this.#stream = stream;
    this.#paint = paint;
    this.#now = now;
  }

  /** Shows a job, or shows it anew. */
  show(key: string, running: RunningJob): void {
    this.#running.set(key, running);
    this.#drawSoon();
  }

  /** Notes how far a shown job has come. */
  update(key: string, progress: Progress): void {
    const running = this.#running.get(key);
    if (running !== undefined) this.show(key, { ...running, progress });
  }

  /** Takes a job away. */
  remove(key: string): void {
    if (this.#running.delete(key)) this.#drawSoon();
  }

  clear(): void {
    if (this.#drawnLines === 0) return;
    this.#stream.write(`\u001B[${this.#drawnLines}A\r\u001B[J`);
    this.#drawnLines = 0;
  }

  redraw(): void {
    this.#drawSoon();
  }

  [Symbol.dispose](): void {
    this.#running.clear();
    clearTimeout(this.#timer);
    this.clear();
  }

  #drawSoon(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#drawnAt + redrawMs - this.#now().getTime());
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#draw();
      },
      Math.min(wait, redrawMs),
    );
    this.#timer.unref();
  }

  #draw(): void {
    const now = this.#now();
    // A line that reaches the last column would wrap and could not be taken back. A terminal that
    // does not know its size says 0.
    const columns = this.#stream.columns ?? 0;
    const width = (columns > 0 ? columns : 80) - 1;
    const lines = [...this.#running.values()].map((running) =>
      progressLine(running, { width, now, paint: this.#paint }),
    );
    this.clear();
    if (lines.length > 0) this.#stream.write(`${lines.join("\n")}\n`);
    this.#drawnLines = lines.length;
    this.#drawnAt = now.getTime();
  }
}
