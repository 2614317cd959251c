// Knows: what clients of Nextcloud send as the checksum of a file. Must not know: whether it is true.

/**
 * The SHA-1 among the checksums of a row, in lower case. Nextcloud keeps what a client sent, unread: several of
 * them in any order, in any case, of any kind, or no checksum at all. Only what can be a SHA-1 counts as one.
 */
export function sha1Of(checksum: string | null): string | undefined {
  for (const [, hash = ""] of (checksum ?? "").matchAll(/(?:^|\s)SHA1:(\S+)/gi)) {
    if (/^[0-9a-f]{40}$/i.test(hash)) return hash.toLowerCase();
  }
  return undefined;
}
