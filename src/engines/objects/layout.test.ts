import assert from "node:assert/strict";
import { posix } from "node:path";
import { suite, test } from "node:test";
import { isTelling, reasonAgainst, shelfOf } from "./layout.ts";

suite("paths of a snapshot", () => {
  for (const path of [
    "..",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    "a/.",
    ".",
    "",
    "a\0b",
  ]) {
    test(`are refused when they could lead out: ${JSON.stringify(path)}`, () => {
      assert.notEqual(reasonAgainst(path), undefined);
    });
  }

  for (const path of ["...", "a/..b", "a/...", ".hidden/x", "-rf", "a\nb", "a/ /b", "..a/b.."]) {
    test(`are taken as they are: ${JSON.stringify(path)}`, () => {
      assert.equal(reasonAgainst(path), undefined);
      assert.equal(posix.join("/x", path), `/x/${path}`);
    });
  }
});

test("content lies below the first two digits of its hash", () => {
  assert.equal(shelfOf("0123456789"), "01/23456789");
});

test("only an ETag made of MD5s says something about content", () => {
  assert.ok(isTelling("d41d8cd98f00b204e9800998ecf8427e"));
  assert.ok(isTelling("d41d8cd98f00b204e9800998ecf8427e-12"));
  for (const etag of ["", "0", "../../etc/passwd", "D41D8CD98F00B204E9800998ECF8427E", "abc-1"]) {
    assert.equal(isTelling(etag), false, etag);
  }
});
