// Knows: how a failure is shown to a person or a machine. Must not know: where it happened.
import { inspect } from "node:util";
import { HoldfastError } from "../kernel/errors.ts";
import { redact } from "../kernel/secret.ts";
import type { Paint } from "./paint.ts";
import { visibleLines } from "./wording.ts";

/** A failure as `--json` shows it. `code` is one of the closed table, or "bug". */
export interface ExplainedError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly cause?: string;
}

/** A failure as plain data, without secrets. Anything but a `HoldfastError` is a bug of ours. */
function explained(error: unknown): ExplainedError {
  const cause = error instanceof Error ? causeOf(error) : undefined;
  if (!(error instanceof HoldfastError)) {
    return {
      code: "bug",
      message: redact(`unexpected: ${error instanceof Error ? error.message : inspect(error)}`),
      hint: "this is a bug in holdfast; please report it with the lines above",
      ...(cause === undefined ? {} : { cause }),
    };
  }
  return {
    code: error.code,
    message: redact(error.message),
    ...(error.hint === undefined ? {} : { hint: redact(error.hint) }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** The messages of the whole chain of causes, without those that only say the same again. */
function causeOf(error: Error): string | undefined {
  const messages: string[] = [];
  let above = error.message;
  for (let cause = error.cause; cause !== undefined && messages.length < 5;) {
    const message = cause instanceof Error ? cause.message : inspect(cause);
    if (message !== "" && !above.includes(message)) messages.push(message);
    above = message;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return messages.length === 0 ? undefined : redact(messages.join(": "));
}

/** How a failure is to be shown. */
export interface ExplanationStyle {
  readonly json: boolean;
  /** Show the stack also of a failure that the user can act on. */
  readonly verbose: boolean;
  readonly paint: Paint;
}

/**
 * A failure for standard error, ended by a newline: the lines `error: …`, `cause: …`, `hint: …`, or
 * one line of JSON with the same fields. A bug has its stack in between.
 */
export function explanation(error: unknown, { json, verbose, paint }: ExplanationStyle): string {
  const { code, message, hint, cause } = explained(error);
  const isBug = code === "bug";
  const stack = isBug || verbose ? stackOf(error) : undefined;
  if (json) {
    // A bug without its stack cannot be found, and there is no other place for it.
    const causes = isBug ? [cause, stack].filter((text) => text !== undefined).join("\n") : cause;
    return `${JSON.stringify({ error: { code, message, hint, cause: causes } })}\n`;
  }

  const lines = [`${paint.red("error:")} ${visibleLines(message)}`];
  if (cause !== undefined) lines.push(`${paint.dim("cause:")} ${visibleLines(cause)}`);
  if (stack !== undefined) lines.push(paint.dim(visibleLines(stack)));
  if (hint !== undefined) lines.push(`${paint.green("hint:")} ${visibleLines(hint)}`);
  return `${lines.join("\n")}\n`;
}

/** Where a failure was made, one call a line. */
function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const calls = error.stack.split("\n").filter((line) => /^\s+at /.test(line));
  return redact(calls.join("\n"));
}
