// Knows: every key with which another machine is described. Must not know: how a connection is made.
import * as z from "zod";
import { Duration } from "../../kernel/duration.ts";
import { refusedOption } from "./refused-options.ts";

// Such names end up in the configuration of ssh and in its arguments. One that began with a dash
// would be an option there, such as -oProxyCommand=….
const hostPattern = String.raw`[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]{1,32})?`;
const userPattern = String.raw`[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}\$?`;
const portPattern = String.raw`[1-9][0-9]{0,4}`;

// Without \p{Cc}: programs that read the JSON Schema do not understand it.
const controls = String.raw`\u0000-\u001f\u007f-\u009f`;

const HostName = z.string().regex(new RegExp(`^(?:${hostPattern})$`), {
  error:
    "expected a host name or an address: letters, digits, dots, dashes and underscores, not beginning with a dash",
});

const User = z.string().regex(new RegExp(`^${userPattern}$`), {
  error:
    "expected the name of a user: letters, digits, dots, dashes and underscores, not beginning with a dash",
});

const Port = z.int().min(1).max(65_535);

const Location = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error:
    "a location begins with a letter or digit and has only letters, digits, dots, dashes and underscores",
});

const Jump = z
  .string()
  .regex(
    new RegExp(`^(?:${userPattern}@)?(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,252})(?::${portPattern})?$`),
    {
      error: "expected the name of a host, or USER@HOST:PORT",
    },
  );

// ssh_config(5) has no way to write these inside a word in all versions, and puts variables in place of "${…}".
const FilePath = z
  .string()
  .regex(new RegExp(String.raw`^(?:/|~/)(?:(?!\$\{)[^"\\${controls}])*$`), {
    error:
      "expected an absolute path, or one that begins with ~/, without quotes, backslashes, line breaks and ${",
  });

/** One or several of something, as a list. */
function oneOrMore<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item)]).transform((value): readonly z.output<T>[] => {
    return Array.isArray(value) ? value : [value];
  });
}

const optionText = z.union([
  z
    .string()
    .regex(new RegExp(String.raw`^[^${controls}]+$`), { error: "expected text on one line" }),
  z.boolean(),
  z.int(),
]);

const SshOptions = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,49}$/), optionText)
  .superRefine((options, context) => {
    for (const name of Object.keys(options)) {
      const why = refusedOption(name);
      if (why === undefined) continue;
      context.addIssue({ code: "custom", path: [name], message: why, input: options[name] });
    }
  });

// What can be said of a host as a whole, and of one of its addresses alone.
const common = {
  user: User.optional().meta({
    description: "Who to log in as. Default: what ~/.ssh/config says, else your own name.",
    examples: ["backup"],
  }),
  port: Port.optional().meta({
    description: "The port of its ssh server. Default: what ~/.ssh/config says, else 22.",
    examples: [2222],
  }),
  key: FilePath.optional().meta({
    description:
      "The file of the private key to log in with; no other is offered then. Default: what ~/.ssh/config says, else ssh's own choice.",
    examples: ["~/.ssh/id_ed25519"],
  }),
  jump: oneOrMore(Jump)
    .optional()
    .meta({
      description:
        "Hosts that it is reached through, the one next to this machine first: names of configured hosts, or what ssh itself knows. [] means none, whatever ~/.ssh/config says.",
      examples: ["bastion", ["bastion", "gateway"]],
    }),
  location: oneOrMore(Location)
    .optional()
    .meta({
      description:
        "Where this machine has to be for the address to answer. `--location` and `--exclude-location` choose by it.",
      examples: ["home", ["home", "office"]],
    }),
};

const Address = z.union([
  HostName,
  z.strictObject({
    host: HostName.meta({
      description: "A name or an address, or what ~/.ssh/config calls it.",
      examples: ["nas.example.org"],
    }),
    ...common,
  }),
]);

/** One machine, as the file has it. */
export const HostSettings = z.strictObject({
  addresses: z
    .array(Address)
    .min(1)
    .meta({
      description:
        "Where it can be reached. All are tried at the same time, and the first that answers is used.",
      examples: [
        [
          { host: "nas.lan", location: "home" },
          { host: "nas.example.org", port: 2222, location: "away" },
        ],
      ],
    }),
  ...common,
  "known-hosts": FilePath.optional().meta({
    description:
      "The file that holds its host key, in the notation of ssh. Default: what ~/.ssh/config says, else ~/.ssh/known_hosts.",
    examples: ["~/.config/holdfast/known_hosts"],
  }),
  options: SshOptions.default({}).meta({
    description: "Further options of ssh, as ssh_config(5) names them.",
    examples: [{ ServerAliveInterval: 30, Compression: true }],
  }),
  "connect-timeout": Duration.refine((ms) => ms >= 1000, { error: "must be at least 1s" })
    .prefault("10s")
    .meta({
      description: "How long an address has to answer. Default: 10s.",
      examples: ["5s"],
    }),
});
export type HostSettings = z.output<typeof HostSettings>;

/** One address with all that is said of it, be it there or of the host as a whole. */
export interface Route {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  readonly key?: string;
  readonly jump?: readonly string[];
  readonly locations: readonly string[];
}

/** Every address of a host. What an address says itself wins. */
export function routesOf(settings: HostSettings): readonly Route[] {
  return settings.addresses.map((address) => {
    const own = typeof address === "string" ? { host: address } : address;
    const { user, port, key, jump, location } = { ...settings, ...definedOf(own) };
    return {
      host: own.host,
      locations: location ?? [],
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
      ...(key === undefined ? {} : { key }),
      ...(jump === undefined ? {} : { jump }),
    };
  });
}

function definedOf<T extends object>(values: T): T {
  const copy = { ...values };
  for (const [name, value] of Object.entries(copy)) {
    if (value === undefined) Reflect.deleteProperty(copy, name);
  }
  return copy;
}
