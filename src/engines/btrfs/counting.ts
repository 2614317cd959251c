// Knows: how far a transfer has come. Must not know: what is transferred.
import type { ReportProgress } from "../../kernel/progress.ts";

// So often at most: btrfs tells of every 48 KiB.
const everyMs = 200;

/** Adds up what is written, and reports it now and then. */
export class Counting {
  readonly #report: ReportProgress;
  readonly #snapshots: number;
  readonly #started = performance.now();
  #number = 0;
  #name = "";
  #expected: number | undefined;
  #reported = Number.NEGATIVE_INFINITY;
  bytes = 0;

  constructor(report: ReportProgress, snapshots: number) {
    this.#report = report;
    this.#snapshots = snapshots;
  }

  /** So many bytes will be written, about. */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  begin(name: string): void {
    this.#number += 1;
    this.#name = name;
    this.#tell();
  }

  add(bytes: number): void {
    if (bytes === 0) return;
    this.bytes += bytes;
    if (performance.now() - this.#reported >= everyMs) this.#tell();
  }

  #tell(): void {
    this.#reported = performance.now();
    const seconds = (this.#reported - this.#started) / 1000;
    this.#report({
      bytesDone: this.bytes,
      secondsElapsed: seconds,
      current: `${this.#number} / ${this.#snapshots} snapshots, ${this.#name}`,
      ...this.#outlook(seconds),
    });
  }

  #outlook(seconds: number) {
    if (this.#expected === undefined) return {};
    const total = Math.max(this.#expected, this.bytes);
    if (this.bytes === 0) return { bytesTotal: total };
    return {
      bytesTotal: total,
      secondsRemaining: Math.round((seconds * (total - this.bytes)) / this.bytes),
    };
  }
}
