// Knows: how any HTTP service is told. Must not know: which service it is.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec, type Delivery } from "./channel.ts";
import { documentOf } from "./format.ts";
import { post } from "./http.ts";
import { commonNotifierShape } from "./notifier.ts";

// Set by ourselves, or by the HTTP client from the address and the body.
const reserved = /^(content-length|content-type|host|connection|transfer-encoding|x-holdfast-.*)$/i;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

// Checked here and not as keys: of a wrong key a record says only that it is wrong.
const Headers = z.record(z.string(), SecretReference).superRefine((headers, context) => {
  for (const name of Object.keys(headers)) {
    const message = problemWith(name);
    if (message !== undefined) {
      context.addIssue({ code: "custom", message, path: [name], input: name });
    }
  }
});

function problemWith(name: string): string | undefined {
  if (!token.test(name)) return `"${name}" is no name of an HTTP header`;
  return reserved.test(name) ? `holdfast sets ${name} itself` : undefined;
}

const Options = z.strictObject({
  type: z.literal("webhook").meta({ description: "A JSON document posted to any address." }),
  url: SecretReference.meta({
    description: "The address. It may hold a token, so it is treated as a secret.",
    examples: [{ env: "BACKUP_WEBHOOK" }, { file: "/etc/holdfast/webhook" }],
  }),
  method: z.enum(["POST", "PUT"]).default("POST").meta({ description: "The HTTP method." }),
  headers: Headers.default({}).meta({
    description: "Further headers. Their values are treated as secrets.",
    examples: [{ Authorization: { env: "WEBHOOK_AUTHORIZATION" } }],
  }),
  "signature-secret": SecretReference.optional().meta({
    description:
      "Signs each message: `X-Holdfast-Signature: sha256=…` is the HMAC-SHA-256 of the body with this key, in hexadecimal.",
    examples: [{ file: "/etc/holdfast/webhook.key" }],
  }),
  ...commonNotifierShape,
});
type Options = z.output<typeof Options>;

/** Posts a `NotificationDocument` as JSON to any address. */
export const webhook = Options.transform((options) =>
  channelSpec(options, async (notification, delivery) => {
    const body = JSON.stringify(documentOf(notification));
    await post(
      {
        channel: "webhook",
        address: await delivery.reveal(options.url),
        method: options.method,
        headers: await headersOf(options, body, delivery),
        body,
      },
      delivery.signal,
    );
  }),
);

async function headersOf(
  options: Options,
  body: string,
  { reveal }: Delivery,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  for (const [name, reference] of Object.entries(options.headers)) {
    headers[name] = await reveal(reference);
  }
  const key = options["signature-secret"];
  if (key !== undefined) headers["x-holdfast-signature"] = signatureOf(body, await reveal(key));
  return headers;
}

/** The signature of a body, so that its receiver knows who wrote it. */
function signatureOf(body: string, key: string): string {
  // Loaded when it is needed: it takes 5 ms, for which every start of the program would wait.
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
}
