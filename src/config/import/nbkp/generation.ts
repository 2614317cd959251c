// Knows: how nbkp's keys were called through its generations. Must not know: what they mean.

/**
 * `first`: every mirror lies in a folder `latest` of its destination. `between`: the words of the first, the
 * layout of the later ones. `later`: places have names of their own.
 */
export type Generation = "first" | "between" | "later";

const aliases: Readonly<Record<string, string>> = {
  "rsync-servers": "ssh-endpoints",
  "rsync-server": "ssh-endpoint",
  "ssh-key": "key",
  "ssh-options": "connection-options",
  "extra-rsync-options": "extra-options",
};

/** The newest name of a key. Keys may be written with dashes or underscores. */
export function foldKey(key: string): string {
  const dashed = key.replaceAll("_", "-");
  return aliases[dashed] ?? dashed;
}
