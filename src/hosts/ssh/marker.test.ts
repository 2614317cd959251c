import assert from "node:assert/strict";
import { test } from "node:test";
import { afterBeginning, readEnded } from "./marker.ts";
import { saysNotBegun } from "./session.ts";

const token = "holdfast-0123456789abcdef";

test("leaves out what was said before a command began", () => {
  for (const noise of ["", "welcome\n", "welcome\n\n", "without an end"]) {
    assert.deepEqual(afterBeginning(`${noise}\n${token} begun\nits\n\nown\n`, token), {
      text: "its\n\nown\n",
      isWhole: true,
    });
  }
});

test("knows what is whole, although the beginning of all that was said is lost", () => {
  assert.deepEqual(afterBeginning("abcdef begun\nall", token), { text: "all", isWhole: true });
  assert.deepEqual(afterBeginning("rest of it", token), { text: "rest of it", isWhole: false });
  assert.deepEqual(afterBeginning("it has begun\nrest", token), {
    text: "it has begun\nrest",
    isWhole: false,
  });
});

test("believes only times that are some", () => {
  assert.equal(readEnded(`${token} 0 ok 12.34`, token)?.at, 12.34);
  assert.equal(readEnded(`${token} 0 ok soon`, token)?.at, undefined);
  assert.equal(readEnded(`${token} 0 ok `, token)?.at, undefined);
});

// As OpenSSH 9.2 says it.
test("tells what was not let begin from what may have begun before the connection broke", () => {
  const last = "Connection closed by UNKNOWN port 65535";

  assert.ok(saysNotBegun(`Control socket connect(/tmp/s): No such file or directory\n${last}`));
  assert.ok(
    saysNotBegun(
      "mux_client_request_session: session request failed: Session open refused by peer",
    ),
  );
  assert.ok(
    !saysNotBegun(
      `mux_client_request_session: read from master failed: Connection reset by peer\n${last}`,
    ),
  );
});
