import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Lines, Tail } from "./output.ts";

function linesOf(chunks: readonly Uint8Array[]): readonly string[] {
  const received: string[] = [];
  const lines = new Lines((line) => received.push(line));
  for (const chunk of chunks) lines.push(Buffer.from(chunk));
  lines.end();
  return received;
}

test("lines come whole, wherever the chunks were cut, in the middle of characters too", () => {
  const seed = Date.now();
  const text = fc.array(fc.string({ unit: "grapheme" }).filter((line) => !line.includes("\n")));
  const cuts = fc.array(fc.nat(20), { minLength: 1 });

  fc.assert(
    fc.property(text, cuts, (expected, sizes) => {
      const bytes = Buffer.from(expected.map((line) => `${line}\n`).join(""));
      const chunks: Buffer[] = [];
      for (let start = 0, index = 0; start < bytes.length; index += 1) {
        const size = (sizes[index % sizes.length] ?? 0) + 1;
        chunks.push(bytes.subarray(start, start + size));
        start += size;
      }

      assert.deepEqual(linesOf(chunks), expected);
    }),
    { seed },
  );
});

test("a last line without an end is a line, and the end of the last line is none", () => {
  assert.deepEqual(linesOf([Buffer.from("a\nb")]), ["a", "b"]);
  assert.deepEqual(linesOf([Buffer.from("a\n")]), ["a"]);
  assert.deepEqual(linesOf([]), []);
});

test("a carriage return is part of a line, as it may be part of a name", () => {
  assert.deepEqual(linesOf([Buffer.from("a\r\nb\r")]), ["a\r", "b\r"]);
});

test("a carriage return ends a line where that was asked for", () => {
  const received: string[] = [];
  const lines = new Lines((line) => received.push(line), { atReturns: true });

  for (const chunk of ["\r 10%", "\r 20", "%\rdone\n"]) lines.push(Buffer.from(chunk));
  lines.end();

  assert.deepEqual(received, ["", " 10%", " 20%", "done"]);
});

test("bytes that are no text become U+FFFD", () => {
  assert.deepEqual(linesOf([Buffer.from([0xff, 0x61, 0x0a, 0xc3])]), ["\uFFFDa", "\uFFFD"]);
});

test("a tail keeps the last bytes exactly, however they came", () => {
  const seed = Date.now();
  const chunks = fc.array(fc.uint8Array({ maxLength: 90_000, size: "max" }), { maxLength: 6 });

  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 200_000 }), (given, limit) => {
      const ascii = given.map((chunk) => Buffer.from(chunk.map((byte) => 32 + (byte % 90))));
      const tail = new Tail(limit);
      for (const chunk of ascii) tail.push(chunk);

      const all = Buffer.concat(ascii).toString();

      assert.equal(tail.text(), all.slice(-limit));
      assert.equal(tail.truncated, all.length > limit);
    }),
    { seed, numRuns: 50 },
  );
});

test("a tail does not begin in the middle of a character", () => {
  const tail = new Tail(4);

  tail.push(Buffer.from("aéé€"));

  assert.equal(tail.text(), "€");
});

test("a tail of gigabytes needs the memory of what it keeps", () => {
  const tail = new Tail(100_000);
  const chunk = Buffer.alloc(1024 * 1024, "x");
  const before = process.memoryUsage().arrayBuffers;

  for (let megabyte = 0; megabyte < 500; megabyte += 1) tail.push(chunk);

  assert.equal(tail.text().length, 100_000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 300 * 1024 * 1024);
});
