// Knows: how a described machine becomes a host, and what is to be said of it. Must not know: what it is used for.
import type { HostAccess, OpenedHost } from "../hosts.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { KnownHosts } from "./address-choice.ts";
import { reachOne, typedWords } from "./connector.ts";
import { Keeping, type KeepingTimes, keepingTimes } from "./keeping.ts";
import type { HostSettings } from "./settings.ts";
import { SshHost } from "./ssh-host.ts";
import { asTyped, HostUnreachable } from "./unreachable.ts";

/** What a machine behind ssh is opened with. */
export interface Opening extends Omit<HostAccess, "specs"> {
  readonly settings: HostSettings;
  readonly known: KnownHosts;
  /** From SIGTERM to SIGKILL, in milliseconds. Default: 10,000. */
  readonly graceMs?: number;
  readonly times?: KeepingTimes;
}

/** Opens a machine behind ssh. Nothing is connected yet. */
export function openSshHost(opening: Opening): OpenedHost {
  const { name, here, graceMs = 10_000, times = keepingTimes } = opening;
  const reaching = { ...opening, graceMs };
  const keeping = new Keeping(name, async (signal) => await reachOne(reaching, signal), times);
  const typed = typedWords(reaching);
  const host = new SshHost({ name, here, keeping, graceMs, typed });
  return {
    host,
    examine: async (signal) => await examine(opening, keeping, signal),
    [Symbol.asyncDispose]: async () => await keeping[Symbol.asyncDispose](),
  };
}

// ssh takes values in any case, in quotes, behind an equals sign, and before a comment.
const isNo = /^[\s=]*"?(?:no|off|false)\b/i;

async function examine(
  { name, settings }: Pick<Opening, "name" | "settings">,
  keeping: Keeping,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const subject = `host ${name}`;
  const doubts = Object.entries(settings.options).flatMap(([option, value]): readonly Finding[] => {
    const isOff = option.toLowerCase() === "stricthostkeychecking" && isNo.test(String(value));
    if (!isOff) return [];
    return [
      {
        code: "host-keys-unchecked",
        severity: "warning",
        subject,
        message: "its host key is not checked, so anybody on the way can pretend to be it",
        hint: "take StrictHostKeyChecking out of its options, and put its key into the file of known hosts",
      },
    ];
  });
  return [...doubts, ...(await reachability(subject, keeping, signal))];
}

async function reachability(
  subject: string,
  keeping: Keeping,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const startedAt = performance.now();
  try {
    const { attempt, chatty } = await keeping.open(signal);
    const tookMs = Math.round(performance.now() - startedAt);
    const at = attempt.port === undefined ? attempt.host : `${attempt.host} port ${attempt.port}`;
    const answer: Finding = {
      code: "host-reachable",
      severity: "ok",
      subject,
      message: `answers at ${at} in ${tookMs} ms`,
    };
    if (!chatty) return [answer];
    const noise: Finding = {
      code: "host-shell-chatty",
      severity: "warning",
      subject,
      message: "its shell prints text when it starts, which tools take for their data",
      hint: `see it with: ${asTyped([...attempt.typed, "true"])}; let its start files print only in a terminal`,
    };
    return [answer, noise];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const finding =
      error instanceof HostUnreachable
        ? error.finding
        : ({ code: error.code, severity: "error" } as const);
    const { message, hint } = error;
    return [{ ...finding, subject, message, ...(hint === undefined ? {} : { hint }) }];
  }
}
