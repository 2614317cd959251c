// Knows: how nbkp's volumes, with drives and their passphrases, become volumes. Must not know: what is kept on them.
import type { Entry, Imported } from "../imported.ts";
import type { Section } from "../section.ts";
import type { Hosts } from "./hosts.ts";

/** Adds all volumes, and answers with the names they got. */
export function addVolumes(
  root: Section,
  imported: Imported,
  hosts: Hosts,
): ReadonlyMap<string, string> {
  const passphrase = passphrases(root);
  return new Map(
    [...root.sections("volumes")].map(([slug, section]) => {
      const name = imported.nameFor("volumes", slug);
      const host = hostOf(section, hosts);
      const path = section.text("path", `volumes.${name}.path`);
      const drive = driveOf(section, name, passphrase);
      if (path === undefined && drive["device"] === undefined) section.needed("path");
      const clean = path === undefined ? undefined : path.replace(/(?<=.)\/+$/, "");
      imported.add("volumes", slug, { host, path: clean, ...drive });
      section.judge("type", "mapped", { to: `volumes.${name}` });
      section.judgeAll(["ssh-endpoint", "ssh-endpoints"], "mapped", { to: `volumes.${name}.host` });
      return [slug, name] as const;
    }),
  );
}

function hostOf(section: Section, hosts: Hosts): string | undefined {
  const type = section.text("type");
  if (type !== undefined && type !== "local" && type !== "remote") {
    section.problem("type", "expected local or remote");
  }
  const key = section.has("ssh-endpoints") ? "ssh-endpoints" : "ssh-endpoint";
  const candidates = section.texts(key) ?? [];
  // The first generation had no types: what names a server is on it.
  if ((type ?? (candidates.length === 0 ? "local" : "remote")) === "local") return undefined;
  if (candidates.length === 0) section.needed(key);
  if (candidates.length === 0 || candidates.some((slug) => !hosts.has(slug))) {
    section.problem(key, "there is no endpoint of this name");
    return undefined;
  }
  return hosts.hostOf(candidates);
}

type Passphrase = (id: string) => unknown;

function driveOf(section: Section, name: string, passphrase: Passphrase): Entry {
  const mount = section.section("mount");
  const device = mount?.text("device-uuid", `volumes.${name}.device`);
  if (mount === undefined) return {};
  if (device === undefined) mount.needed("device-uuid");
  const encryption = mount.section("encryption");
  const id = encryption?.text("passphrase-id", `volumes.${name}.unlock`);
  encryption?.judge("type", "mapped", { to: `volumes.${name}.unlock` });
  for (const each of [mount, encryption]) {
    each?.judge("mapper-name", "unneeded", {
      message: "the name of the unlocked device is found by itself",
    });
  }
  const direct = mount.text("strategy") === "direct";
  mount.judge("strategy", direct ? "mapped" : "changed", {
    to: `volumes.${name}.mount`,
    message: "drives are mounted by udisks or, for root, directly: auto",
  });
  return {
    device,
    mount: direct ? "direct" : undefined,
    unlock: id === undefined ? undefined : { luks: passphrase(id) },
  };
}

/** Where passphrases of drives come from. */
function passphrases(root: Section): Passphrase {
  const provider = root.text("credential-provider") ?? "keyring";
  const command = root.texts("credential-command") ?? [];
  const to = "volumes";
  switch (provider) {
    case "prompt":
      root.judge("credential-provider", "mapped", { to });
      root.judge("credential-command", "unneeded", {
        message: "is used with the provider command alone",
      });
      return () => ({ prompt: true });
    case "env":
      root.judge("credential-provider", "mapped", { to });
      root.judge("credential-command", "unneeded", {
        message: "is used with the provider command alone",
      });
      return (id) => ({ env: `NBKP_PASSPHRASE_${id.toUpperCase().replaceAll("-", "_")}` });
    case "command":
      root.judgeAll(["credential-provider", "credential-command"], "mapped", { to });
      if (command.length === 0)
        root.problem("credential-command", "is needed by the provider command");
      return (id) => ({ command: command.map((word) => word.replaceAll("{id}", id)) });
    case "keyring":
      root.judge("credential-provider", "mapped", { to });
      root.judge("credential-command", "unneeded", {
        message: "is used with the provider command alone",
      });
      // Not Holdfast's own entry of the keyring, but the one that is there.
      return (id) => ({ command: ["secret-tool", "lookup", "service", "nbkp", "username", id] });
    default:
      root.problem("credential-provider", "expected keyring, prompt, env or command");
      return () => ({ prompt: true });
  }
}
