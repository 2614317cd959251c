// Knows: what the words of udisks, cryptsetup and mount mean. Pure. Must not know: when they run.
import { type CommandFailed, lastWords } from "../hosts/command-failed.ts";
import type { Host } from "../hosts/host.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { polkitRuleFile } from "./polkit-rule.ts";

// libblockdev says the first, cryptsetup the second.
const wrongPassphrase = /incorrect passphrase|no key available with this passphrase/i;
const denied = /not ?authorized/i;
const withoutCrypto = /called, but not implemented/i;

/** Why an encrypted drive could not be unlocked. */
export function unlockFailure(name: string, failed: CommandFailed, host: Host): HoldfastError {
  const { stderr } = failed.result;
  if (wrongPassphrase.test(stderr)) {
    return new HoldfastError("password-wrong", `the passphrase of volume "${name}" is wrong`, {
      hint: "correct what `unlock` of the volume refers to",
      cause: failed,
    });
  }
  const { reason, hint } = meaningOf(stderr, host);
  const message = `volume "${name}" could not be unlocked: ${reason}`;
  return new HoldfastError("unlock-failed", message, { hint, cause: failed });
}

/** Why a drive could not be mounted. */
export function mountFailure(name: string, failed: CommandFailed, host: Host): HoldfastError {
  const { reason, hint } = meaningOf(failed.result.stderr, host);
  const message = `volume "${name}" could not be mounted: ${reason}`;
  return new HoldfastError("mount-failed", message, { hint, cause: failed });
}

function meaningOf(stderr: string, host: Host): { readonly reason: string; readonly hint: string } {
  if (denied.test(stderr)) {
    return { reason: "this user may not do that without a password", hint: allowing(host) };
  }
  if (withoutCrypto.test(stderr)) {
    const hint = showLineOn(host, "sudo apt-get install libblockdev-crypto2");
    return { reason: "udisks lacks its part for encryption", hint };
  }
  return { reason: lastWords(stderr), hint: "see what is wrong with: holdfast doctor" };
}

/** The line that lets this user unlock and mount on a machine. */
export function allowing(host: Host): string {
  const rule = "holdfast volumes polkit-rule";
  if (host.remote === undefined) return `${rule} | sudo tee ${polkitRuleFile}`;
  const [ssh, ...rest] = host.remote.typed ?? ["ssh", host.name];
  const words = [ssh, ...rest].join(" ");
  return `${rule} --user USER | ${words} sudo tee ${polkitRuleFile}`;
}
