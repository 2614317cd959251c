// Knows: configurations of nbkp, of its first generation and of later ones, and what of them is continued. Must not know: any other tool.
import { foldKey, type Generation } from "../nbkp/generation.ts";
import { Hosts } from "../nbkp/hosts.ts";
import { Mirrors } from "../nbkp/mirrors.ts";
import { addVolumes } from "../nbkp/volumes.ts";
import type { Reader } from "../reader.ts";
import { Section } from "../section.ts";

/** Mirrors of folders by rsync, to drives and servers that come and go. */
export const nbkp: Reader = {
  name: "nbkp",
  title: "nbkp",
  formats: ["yaml"],
  recognises: (root) =>
    root.has("syncs") &&
    (root.has("volumes") || root.has("sync-endpoints") || root.has("sync_endpoints")),
  read({ root: written, imported, report, home }) {
    const value = Object.fromEntries(written.keys.map((key) => [key, written.raw(key)]));
    const root = new Section(report, { path: [], value, fold: foldKey });
    const generation = generationOf(root);
    const hosts = new Hosts(root.sections("ssh-endpoints"), imported);
    const volumes = addVolumes(root, imported, hosts);
    const mirrors = new Mirrors({ root, imported, volumes, generation, home });
    mirrors.add();
    hosts.judgeUnused();
  },
};

/**
 * The first generation wrote every mirror to a folder `latest` in its destination. It is known by its words
 * for servers and options, which changed within days of the layout.
 */
function generationOf(root: Section): Generation {
  const syncs = [...root.sections("syncs").values()];
  const written = root.keysAsWritten;
  const inline = syncs.some((sync) => typeof sync.raw("destination") === "object");
  if (!inline) return "later";
  const isOlder =
    written.some((key) => /^rsync[-_]servers$/.test(key)) ||
    syncs.some(
      (sync) =>
        Array.isArray(sync.raw("rsync-options")) ||
        sync.keysAsWritten.some((key) => /^extra[-_]rsync[-_]options$/.test(key)),
    );
  const isNewer =
    written.some((key) => /^ssh[-_]endpoints$/.test(key)) ||
    syncs.some((sync) => {
      const options = sync.raw("rsync-options");
      return typeof options === "object" && !Array.isArray(options);
    });
  return isOlder || !isNewer ? "first" : "between";
}
