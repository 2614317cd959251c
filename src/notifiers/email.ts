// Knows: mail servers. Must not know: other channels.
import { readFile } from "node:fs/promises";
import type { SendMailOptions } from "nodemailer";
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec, notificationFailed, type Delivery } from "./channel.ts";
import { fit, severityOf, signedBodyOf } from "./format.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

// One address, with or without a name before it. Line breaks would begin further headers.
const Mailbox = z
  .string()
  .regex(/^(?:[^<>\r\n"@,;]+<[^<>@\s,;]+@[^<>@\s,;]+>|[^<>@\s,;]+@[^<>@\s,;]+)$/, {
    error: "expected one mail address: name@example.org, or Name <name@example.org>",
  });

const Options = z
  .strictObject({
    type: z.literal("email").meta({ description: "A mail through an SMTP server." }),
    host: z
      .string()
      .min(1)
      .meta({ description: "The mail server.", examples: ["smtp.example.org"] }),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .meta({
        description: "Its port. Default: 587 with starttls, 465 with implicit, 25 with none.",
        examples: [587],
      }),
    tls: z.enum(["starttls", "implicit", "none"]).default("starttls").meta({
      description:
        "How the connection is encrypted. With `starttls` nothing is said before it is; `none` is for a mail server on this machine.",
    }),
    ca: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          "A file with the certificate (PEM) that the server's must be signed by. Default: those that Node.js knows.",
        examples: ["/etc/holdfast/mail-ca.pem"],
      }),
    user: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "The user to log in as.",
        examples: ["backup@example.org"],
      }),
    password: SecretReference.optional().meta({
      description: "The user's password.",
      examples: [{ file: "/etc/holdfast/smtp" }],
    }),
    from: Mailbox.meta({
      description: "The sender.",
      examples: ["Holdfast <backup@example.org>"],
    }),
    to: z
      .array(Mailbox)
      .min(1)
      .meta({ description: "Who gets it.", examples: [["admin@example.org"]] }),
    ...commonNotifierShape,
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: "user and password belong together",
    path: ["user"],
  })
  .refine(({ tls, password, host }) => tls !== "none" || password === undefined || isLocal(host), {
    error: "a password is only sent over an encrypted connection",
    path: ["tls"],
  });
type Options = z.output<typeof Options>;

function isLocal(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const usualPorts: Readonly<Record<Options["tls"], number>> = {
  starttls: 587,
  implicit: 465,
  none: 25,
};

/** Sends a plain text mail. */
export const email = Options.transform((options) =>
  channelSpec(options, async (notification, delivery) => {
    const ca = await authority(options);
    const auth = await credentials(options, delivery);
    // Loaded when it is needed: most runs send no mail.
    const { createTransport } = await import("nodemailer");
    const transport = createTransport({
      host: options.host,
      port: options.port ?? usualPorts[options.tls],
      secure: options.tls === "implicit",
      requireTLS: options.tls === "starttls",
      ignoreTLS: options.tls === "none",
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(ca === undefined ? {} : { tls: { ca } }),
      ...(auth === undefined ? {} : { auth }),
    });
    const { rejected } = await transport
      .sendMail({ ...mailOf(notification, options), signal: delivery.signal })
      .catch((error: unknown) => {
        throw explain(error);
      });
    if (rejected.length > 0) {
      throw notificationFailed(
        "email",
        `the mail server refused ${rejected.length} of ${options.to.length} recipients`,
      );
    }
  }),
);

async function authority({ ca }: Options): Promise<Buffer | undefined> {
  if (ca === undefined) return undefined;
  try {
    return await readFile(ca);
  } catch (cause) {
    throw notificationFailed("email", "the file with the certificate cannot be read", { cause });
  }
}

async function credentials(
  { user, password }: Options,
  { reveal }: Delivery,
): Promise<{ user: string; pass: string } | undefined> {
  if (user === undefined || password === undefined) return undefined;
  return { user, pass: await reveal(password) };
}

/** The mail for a notification. RFC 5322 wants subjects that fit into one line of 998 characters. */
function mailOf(
  notification: Notification,
  { from, to }: { readonly from: string; readonly to: readonly string[] },
): SendMailOptions {
  return {
    from,
    to: [...to],
    // One line already; encoded by nodemailer where it is not ASCII.
    subject: fit(notification.title, { limit: 200 }),
    text: signedBodyOf(notification, { limit: 200_000 }),
    date: notification.time,
    priority: severityOf(notification.event) === "problem" ? "high" : "normal",
    // No out-of-office answers to a machine (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
  };
}

const explanations: Readonly<Record<string, { readonly what: string; readonly hint?: string }>> = {
  EAUTH: { what: "the mail server refused user or password" },
  ENOAUTH: { what: "the mail server wants a user and a password" },
  EDNS: { what: "the mail server's name is not known" },
  ETIMEDOUT: { what: "the mail server does not answer" },
  ECONNECTION: { what: "the mail server closed the connection" },
  ESOCKET: {
    what: "the mail server cannot be reached, or its certificate is not trusted",
    hint: "check host, port and tls; for a certificate of your own set ca",
  },
  ETLS: {
    what: "the mail server did not encrypt the connection",
    hint: "check tls and port, and ca for a certificate of your own",
  },
  EENVELOPE: { what: "the mail server refused the sender or every recipient" },
  EMESSAGE: { what: "the mail server refused the message" },
  EPROTOCOL: { what: "what answers there is no mail server" },
};

// The text of the error is left out: servers quote what was said to them, and a password is said in
// an encoding that nothing could redact.
function explain(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const known = explanations[String(error.code)];
  if (known === undefined) return notificationFailed("email", "the mail could not be sent");
  const status = "responseCode" in error ? ` (status ${Number(error.responseCode)})` : "";
  return notificationFailed(
    "email",
    known.what + status,
    known.hint === undefined ? {} : { hint: known.hint },
  );
}
