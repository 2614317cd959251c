// Knows: how a mail server behaves. Must not know: what is mailed.
import { once } from "node:events";
import { readFile, rm, mkdtemp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { localHost } from "../../src/hosts/local.ts";

/** One mail, as it arrived. */
export interface SinkMail {
  readonly recipients: readonly string[];
  readonly sender: string;
  /** The connection was encrypted. */
  readonly secure: boolean;
  /** Who had logged in. */
  readonly user: string | undefined;
  readonly raw: string;
  readonly parsed: Email;
}

/** How the server behaves. */
export interface SmtpSinkOptions {
  readonly tls: "starttls" | "implicit" | "none";
  /** Nobody else may log in; without it nobody need. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Recipients that it does not know. */
  readonly refused?: readonly string[];
  /** Says nothing after the greeting. */
  readonly mute?: boolean;
}

/** A real mail server on loopback with a certificate of its own. */
export interface SmtpSink extends AsyncDisposable {
  readonly port: number;
  /** The certificate, which nobody else has signed. */
  readonly ca: string;
  readonly mails: readonly SinkMail[];
}

/** Starts a mail server on a free port. Needs openssl. */
export async function openSmtpSink(options: SmtpSinkOptions): Promise<SmtpSink> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-smtp-"));
  const { key, certificate } = await makeCertificate(directory);
  const mails: SinkMail[] = [];
  const server = new SMTPServer({
    ...(await behaviour(options)),
    key: await readFile(key),
    cert: await readFile(certificate),
    onData: (stream, session, callback) => {
      void buffer(stream)
        .then(async (raw) => {
          mails.push({
            recipients: session.envelope.rcptTo.map(({ address }) => address),
            sender: session.envelope.mailFrom === false ? "" : session.envelope.mailFrom.address,
            secure: session.secure,
            user: session.user,
            raw: raw.toString(),
            parsed: await PostalMime.parse(raw),
          });
        })
        .then(() => callback(), callback);
    },
  });
  // A client that does not trust the certificate is what some tests are about.
  server.on("error", () => undefined);
  const listener = server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    // A server that listens on TCP has such an address.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    port: (listener.address() as AddressInfo).port,
    ca: certificate,
    mails,
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function behaviour(options: SmtpSinkOptions): Promise<SMTPServerOptions> {
  const { tls, login, refused = [], mute = false } = options;
  return {
    secure: tls === "implicit",
    authOptional: login === undefined,
    closeTimeout: 100,
    disabledCommands: tls === "starttls" ? [] : ["STARTTLS"],
    disableReverseLookup: true,
    allowInsecureAuth: tls === "none",
    onAuth: (auth, _session, callback) => {
      const known = auth.username === login?.user && auth.password === login?.password;
      if (known) callback(null, { user: auth.username ?? "" });
      // As some servers do: says back what it was told.
      else callback(new Error(`no such login: ${auth.username} ${auth.password}`));
    },
    onMailFrom: (_address, _session, callback) => {
      if (!mute) callback();
    },
    onRcptTo: ({ address }, _session, callback) => {
      if (refused.includes(address)) callback(new Error("no such user"));
      else callback();
    },
  };
}

async function makeCertificate(
  directory: string,
): Promise<{ readonly key: string; readonly certificate: string }> {
  const key = join(directory, "key.pem");
  const certificate = join(directory, "certificate.pem");
  await localHost().run(
    {
      argv: [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        key,
        "-out",
        certificate,
      ],
      effect: "writes",
    },
    AbortSignal.timeout(20_000),
  );
  return { key, certificate };
}
