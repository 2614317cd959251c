import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { openHttpSink, type SinkAnswer } from "../../test/support/http-sink.ts";
import { openSmtpSink } from "../../test/support/smtp-sink.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { post } from "./http.ts";

const hurried = { pausesMs: [5, 5], longestPauseMs: 1000 };

const unavailable: SinkAnswer = { status: 503 };

/** What an error says, with all that hangs on it. */
async function failureOf(sending: Promise<unknown>): Promise<{ shown: string; error: Error }> {
  const error = await sending.then(
    () => assert.fail("it was sent"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return { shown: inspect(error, { depth: 9, showHidden: true }), error };
}

suite("posting a message", () => {
  test("hands it over once and returns the answer", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 202, body: "thank you" });

    const answer = await post(
      { channel: "x", address: `${sink.origin}/hook?a=b`, headers: { "X-A": "1" }, body: "Größe" },
      signal,
    );

    assert.equal(answer, "thank you");
    assert.deepEqual(
      sink.requests.map(({ method, path, body }) => [method, path, body]),
      [["POST", "/hook?a=b", "Größe"]],
    );
    assert.equal(sink.requests[0]?.headers["x-a"], "1");
    assert.equal(sink.requests[0]?.headers["user-agent"], "holdfast");
    assert.equal(sink.requests[0]?.headers["content-length"], "7");
  });

  test("tries again when the server is unwell or the line is cut", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer(unavailable, "cut");

    await post({ channel: "x", address: sink.origin, body: "hello" }, signal, hurried);

    assert.deepEqual(
      sink.requests.map(({ body }) => body),
      ["hello", "hello", "hello"],
    );
  });

  test("gives up after the last attempt, naming channel and status only", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer(unavailable, unavailable, unavailable, unavailable);

    const address = `${sink.origin}/canary-token`;
    const { shown } = await failureOf(post({ channel: "x", address, body: "" }, signal, hurried));

    assert.match(shown, /notification-failed/);
    assert.match(shown, /x: was refused \(status 503\)/);
    assert.ok(!shown.includes("canary") && !shown.includes(sink.address), shown);
    assert.equal(sink.requests.length, 3);
  });

  test("waits as long as the server asks for", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 429, headers: { "Retry-After": "0.3" } });

    const begun = performance.now();
    await post({ channel: "x", address: sink.origin, body: "" }, signal, hurried);

    assert.ok(performance.now() - begun > 250);
    assert.equal(sink.requests.length, 2);
  });

  test("does not wait longer than it may", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 429, headers: { "Retry-After": "3600" } });

    await assert.rejects(
      post({ channel: "x", address: sink.origin, body: "" }, signal, hurried),
      /x: was refused \(status 429\)/,
    );
    assert.equal(sink.requests.length, 1);
  });

  test("does not repeat what will be refused again, and says what to do", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 404, body: "no such canary" });

    await assert.rejects(
      post(
        { channel: "x", address: sink.origin, body: "", hints: { 404: "create another one" } },
        signal,
        hurried,
      ),
      { message: "x: was refused (status 404)", hint: "create another one" },
    );
    assert.equal(sink.requests.length, 1);
  });

  test("follows a redirect on the same host with method, headers and body", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 301, headers: { Location: "/new" } }, { status: 204 });

    await post(
      { channel: "x", address: sink.origin, method: "PUT", headers: { "x-key": "k" }, body: "b" },
      signal,
    );

    const followed = sink.requests[1];
    assert.deepEqual(
      [followed?.method, followed?.path, followed?.headers["x-key"], followed?.body],
      ["PUT", "/new", "k", "b"],
    );
  });

  test("takes nothing to another host", async ({ signal }) => {
    await using sink = await openHttpSink();
    await using stranger = await openHttpSink();
    sink.answer({ status: 307, headers: { Location: `${stranger.origin}/canary` } });

    const { shown } = await failureOf(
      post({ channel: "x", address: sink.origin, headers: { "x-key": "k" }, body: "b" }, signal),
    );

    assert.match(shown, /x: was sent to another host \(status 307\)/);
    assert.ok(!shown.includes("canary") && !shown.includes(stranger.address), shown);
    assert.deepEqual(stranger.requests, []);
  });

  test("does not run in circles", async ({ signal }) => {
    await using sink = await openHttpSink();
    const round: SinkAnswer = { status: 308, headers: { Location: "/" } };
    sink.answer(round, round, round, round, round, round);

    await assert.rejects(
      post({ channel: "x", address: sink.origin, body: "" }, signal, hurried),
      /x: was sent in circles/,
    );
  });

  for (const answer of ["hang", "drip"] as const) {
    test(`ends when its time is over, whatever the server does (${answer})`, async () => {
      await using sink = await openHttpSink();
      sink.answer(answer);

      const sending = post(
        { channel: "x", address: sink.origin, body: "" },
        AbortSignal.timeout(100),
      );

      await assert.rejects(sending, { name: "TimeoutError" });
      assert.equal(sink.requests.length, 1);
    });
  }

  test("reads no more of an answer than a message deserves", async ({ signal }) => {
    await using sink = await openHttpSink();
    sink.answer("flood");

    const answer = await post({ channel: "x", address: sink.origin, body: "" }, signal);

    assert.ok(answer.length >= 64 * 1024 && answer.length < 1024 * 1024, `${answer.length}`);
  });

  test("sends user and password of an address as a header, never as an address", async (t) => {
    await using sink = await openHttpSink();

    await post({ channel: "x", address: `http://ada:p%40ss@${sink.address}/`, body: "" }, t.signal);

    const encoded = Buffer.from("ada:p@ss").toString("base64");
    assert.equal(sink.requests[0]?.headers.authorization, `Basic ${encoded}`);
  });

  test("explains an address or a header that is not valid without quoting it", async (t) => {
    await using sink = await openHttpSink();
    const wrong = [
      { address: "https//canary.example.org" },
      { address: "file:///canary" },
      { address: sink.origin, headers: { authorization: "Bearer canary\nX: y" } },
      { address: `http://%zz:canary@${sink.address}` },
    ];

    for (const parts of wrong) {
      const { shown } = await failureOf(post({ channel: "x", body: "", ...parts }, t.signal));
      assert.match(shown, /x: its address or a header is not valid/);
      assert.doesNotMatch(shown, /canary/);
    }
    assert.deepEqual(sink.requests, []);
  });

  test("says that nobody answers without saying where", async ({ signal }) => {
    const sink = await openHttpSink();
    await sink[Symbol.asyncDispose]();

    const address = `${sink.origin}/canary`;
    const { shown } = await failureOf(post({ channel: "x", address, body: "" }, signal, hurried));

    assert.match(shown, /x: could not be reached \(ECONNREFUSED\)/);
    assert.ok(!shown.includes("canary") && !shown.includes(sink.address), shown);
  });

  test(
    "trusts no certificate that nobody vouches for",
    { skip: withoutTools("openssl") },
    async (t) => {
      // Any TLS server will do: it does not get as far as a protocol.
      await using sink = await openSmtpSink({ tls: "implicit" });

      await assert.rejects(
        post(
          { channel: "x", address: `https://127.0.0.1:${sink.port}`, body: "" },
          t.signal,
          hurried,
        ),
        {
          message: /x: has a certificate that is not trusted \(.*SELF_SIGNED.*\)/,
          hint: /EXTRA_CA/,
        },
      );
    },
  );
});
