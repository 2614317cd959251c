import assert from "node:assert/strict";
import { test } from "node:test";
import { sha1Of } from "./checksum.ts";

const hash = "a1deb80237235293b14a1de36c931465721226f0";

const cases: readonly (readonly [checksum: string | null, sha1: string | undefined])[] = [
  [null, undefined],
  ["", undefined],
  [`SHA1:${hash}`, hash],
  [`SHA1:${hash.toUpperCase()}`, hash],
  [`sha1:${hash}`, hash],
  [`SHA1:${hash} MD5:33d192383a17c7a5d7d476b6520cc01c ADLER32:2ae41cc6`, hash],
  [`MD5:370b018705ff2858a9436897ccd20f13 SHA1:${hash}`, hash],
  ["MD5:6200e795e654e670d9be37a12c10e7e0", undefined],
  [`SHA256:${hash}`, undefined],
  ["SHA3-256:02458e2c1a05f896", undefined],
  ["SHA1:nothexatall", undefined],
  [`SHA1:${hash}00`, undefined],
  [hash, undefined],
  [`XSHA1:${hash}`, undefined],
  ["X-FOO:bar", undefined],
];

for (const [checksum, sha1] of cases) {
  test(`finds ${sha1 === undefined ? "no SHA-1" : "the SHA-1"} in ${JSON.stringify(checksum)}`, () => {
    assert.equal(sha1Of(checksum), sha1);
  });
}
