// Knows: how text and JSON reach a terminal, a pipe or a file. Must not know: any command.
import { HoldfastError } from "../kernel/errors.ts";
import { redact } from "../kernel/secret.ts";
import { explanation } from "./explain.ts";
import { coloured, plain, wantsColour, type Paint } from "./paint.ts";
import { visibleLines } from "./wording.ts";

/** Where output goes: what is used of a stream of Node. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** What a person chose about the output. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** False after `--no-color`. */
  readonly color: boolean;
}

/** The two streams and what decides about colours on them. */
export interface OutputEdges {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Something that is drawn below all other output, and must make room for it. */
export interface Footer {
  clear(): void;
  redraw(): void;
}

/** Version of every JSON shape. It changes when a field is removed or changes its meaning. */
const shapeVersion = 1;

/**
 * Everything that this program prints. What was asked for goes to standard output; all else (what
 * is going on, warnings, errors) to standard error. A reader that goes away (`| head`) is no error:
 * the rest is dropped, and what is being done goes on.
 */
export class Output {
  readonly options: OutputOptions;
  /** For text that goes to standard output. */
  readonly paint: Paint;
  /** For text that goes to standard error. */
  readonly messagePaint: Paint;
  readonly #edges: OutputEdges;
  readonly #used = new Set<Stream>();
  readonly #gone = new Set<Stream>();
  #footer: Footer | undefined;
  #hasLostData = false;

  constructor(edges: OutputEdges, options: OutputOptions) {
    this.options = options;
    this.#edges = edges;
    this.paint = this.#paintFor(edges.stdout);
    this.messagePaint = this.#paintFor(edges.stderr);
  }

  /** Text that was asked for. Ends with a newline. */
  text(text: string): void {
    if (!this.options.json) this.#write(this.#edges.stdout, text);
  }

  /** The answer of a command with `--json`, or where JSON was asked for otherwise: one document. */
  document(value: Readonly<Record<string, unknown>>, wanted = this.options.json): void {
    if (!wanted) return;
    const document = JSON.stringify({ version: shapeVersion, ...value }, undefined, 2);
    this.#write(this.#edges.stdout, `${redact(document)}\n`);
  }

  /** One of several answers of a command with `--json`: one line. */
  jsonLine(value: Readonly<Record<string, unknown>>): void {
    if (!this.options.json) return;
    this.#write(
      this.#edges.stdout,
      `${redact(JSON.stringify({ version: shapeVersion, ...value }))}\n`,
    );
  }

  /** Something that was asked for and is printed as it is, also with `--json`. */
  raw(text: string): void {
    this.#write(this.#edges.stdout, text);
  }

  /** What is going on. Not with `--quiet` or `--json`. */
  message(text: string): void {
    if (this.options.quiet || this.options.json) return;
    this.#write(this.#edges.stderr, `${redact(visibleLines(text))}\n`);
  }

  /** What is going on, for those who asked for more with `--verbose`. */
  detail(text: string): void {
    if (this.options.verbose) this.message(this.messagePaint.dim(visibleLines(text)));
  }

  /** Something unwise that hinders nothing. Not with `--quiet`. */
  warning(message: string, hint?: string): void {
    if (this.options.quiet) return;
    if (this.options.json) {
      this.#write(
        this.#edges.stderr,
        `${redact(JSON.stringify({ warning: { message, hint } }))}\n`,
      );
      return;
    }
    const { yellow, green } = this.messagePaint;
    const lines = [`${yellow("warning:")} ${visibleLines(message)}`];
    if (hint !== undefined) lines.push(`${green("hint:")} ${visibleLines(hint)}`);
    this.#write(this.#edges.stderr, `${redact(lines.join("\n"))}\n`);
  }

  /** A failure. Always shown. */
  error(error: unknown): void {
    const { json, verbose } = this.options;
    this.#write(
      this.#edges.stderr,
      explanation(error, { json, verbose, paint: this.messagePaint }),
    );
  }

  /** Text about something that failed, for commands that do several things. Always shown. */
  problem(text: string): void {
    if (!this.options.json) this.#write(this.#edges.stderr, `${redact(text)}\n`);
  }

  /**
   * The exit status at the end of a command: who asked for data and did not get them must not be told
   * that all is well.
   */
  async exitStatus(ofCommand: number): Promise<number> {
    // A stream tells that a write has failed in the next turn.
    await new Promise(setImmediate);
    return ofCommand === 0 && this.#hasLostData ? 1 : ofCommand;
  }

  /** Whether standard output shows colours. */
  get coloured(): boolean {
    return this.paint === coloured;
  }

  /** The stream to draw progress on, where that is wanted and there is a terminal. */
  get progressStream(): Stream | undefined {
    const { json, quiet } = this.options;
    const { stderr, env } = this.#edges;
    return !json && !quiet && stderr.isTTY === true && env["TERM"] !== "dumb" ? stderr : undefined;
  }

  /** From now on this is kept below all output; `undefined` ends that. */
  set footer(footer: Footer | undefined) {
    this.#footer = footer;
  }

  #paintFor(stream: Stream): Paint {
    const terminal = stream.isTTY === true;
    const { env } = this.#edges;
    return this.options.color && wantsColour({ env, terminal }) ? coloured : plain;
  }

  #write(stream: Stream, text: string): void {
    if (this.#gone.has(stream) || text === "") return;
    if (!this.#used.has(stream)) {
      this.#used.add(stream);
      stream.on("error", (error) => this.#lose(stream, error));
    }
    this.#footer?.clear();
    stream.write(text);
    this.#footer?.redraw();
  }

  #lose(stream: Stream, error: Error): void {
    this.#gone.add(stream);
    // EPIPE: its reader has seen enough. Anything else (such as a full disk) must not stay unknown.
    if ("code" in error && error.code === "EPIPE") return;
    if (stream !== this.#edges.stdout) return;
    this.#hasLostData = true;
    const lost = "standard output cannot be written, and what was to be written is lost";
    this.error(new HoldfastError("command-failed", lost, { cause: error }));
  }
}
