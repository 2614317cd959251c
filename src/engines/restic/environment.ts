// Knows: what restic is told through its environment. Must not know: which command it is told for.
import type { Command } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { Secret } from "../../kernel/secret.ts";
import type { ResolveSecret } from "../../kernel/secret-reference.ts";
import { hasRestCredentials, type Options } from "./options.ts";

/** Environment variables of one command. */
export type Variables = NonNullable<Command["env"]>;

/** One repository and the name it has in the configuration. */
export interface Named {
  readonly name: string;
  readonly options: Options;
  readonly location: string;
}

// Each of these, left over in the environment of this program, would win over what is configured.
const emptied = {
  RESTIC_PASSWORD_FILE: "",
  RESTIC_PASSWORD_COMMAND: "",
  RESTIC_REPOSITORY_FILE: "",
  RESTIC_FROM_PASSWORD_FILE: "",
  RESTIC_FROM_PASSWORD_COMMAND: "",
  RESTIC_FROM_REPOSITORY_FILE: "",
  RESTIC_FROM_REPOSITORY: "",
  // Newer versions list and forget only the snapshots of this host.
  RESTIC_HOST: "",
  // Progress twice a second is enough for the eye; without it most commands show none at all.
  RESTIC_PROGRESS_FPS: "2",
} as const;

/** Fetches the secrets of a repository and makes the environment of its commands. */
export async function resolveEnvironment(
  { options, location }: Named,
  secret: ResolveSecret,
  signal: AbortSignal,
): Promise<Variables> {
  const variables: Record<string, string | Secret> = {
    ...emptied,
    RESTIC_PASSWORD: await secret(options.password, signal),
  };
  for (const [name, value] of Object.entries(options.environment)) {
    variables[name] = typeof value === "string" ? value : await secret(value, signal);
  }
  if (!hasRestCredentials(options)) return variables;
  return { ...variables, RESTIC_REPOSITORY: withCredentials(location, variables) };
}

/** The same variables as far as they are known without fetching a secret: what a dry run shows. */
export function previewEnvironment(options: Options): Variables {
  const hidden = new Secret("");
  return {
    RESTIC_PASSWORD: hidden,
    ...Object.fromEntries(
      Object.entries(options.environment).map(([name, value]) => [
        name,
        typeof value === "string" ? value : hidden,
      ]),
    ),
    ...(hasRestCredentials(options) ? { RESTIC_REPOSITORY: hidden } : {}),
  };
}

/**
 * The environment of a command that reads one repository and writes another. restic has only one for
 * both. Throws `repository-unsupported` when they would need different ones.
 */
export function joinEnvironments(
  to: { readonly named: Named; readonly variables: Variables },
  from: { readonly named: Named; readonly variables: Variables },
): Variables {
  const { RESTIC_PASSWORD: password, RESTIC_REPOSITORY: repository, ...rest } = from.variables;
  const conflict = Object.entries(rest).find(
    ([name, value]) => name in to.variables && text(to.variables[name]) !== text(value),
  )?.[0];
  const conflicting = conflict ?? conflictingOption(to.named.options, from.named.options);
  if (conflicting !== undefined) throw conflictOf(conflicting, to.named, from.named);
  return {
    ...rest,
    ...to.variables,
    ...(password === undefined ? {} : { RESTIC_FROM_PASSWORD: password }),
    ...(repository === undefined ? {} : { RESTIC_FROM_REPOSITORY: repository }),
  };
}

/** As `joinEnvironments`, for a dry run. */
export function joinPreviews(to: Options, from: Options): Variables {
  const {
    RESTIC_PASSWORD: password,
    RESTIC_REPOSITORY: repository,
    ...rest
  } = previewEnvironment(from);
  return {
    ...rest,
    ...previewEnvironment(to),
    ...(password === undefined ? {} : { RESTIC_FROM_PASSWORD: password }),
    ...(repository === undefined ? {} : { RESTIC_FROM_REPOSITORY: repository }),
  };
}

function conflictingOption(to: Options, from: Options): string | undefined {
  const extended = Object.keys(to.options).find(
    (key) => key in from.options && from.options[key] !== to.options[key],
  );
  if (extended !== undefined) return extended;
  const files = ["cacert", "tls-client-cert"] as const;
  return files.find((key) => from[key] !== undefined && from[key] !== to[key]);
}

function conflictOf(what: string, to: Named, from: Named): HoldfastError {
  return new HoldfastError(
    "repository-unsupported",
    `restic cannot copy from repository "${from.name}" to "${to.name}": it has one environment for both, and they need a different ${what}`,
    {
      hint: `use the same ${what} for both, or let a job of its own back up to "${to.name}"`,
    },
  );
}

function withCredentials(location: string, variables: Variables): Secret {
  const address = new URL(location.slice("rest:".length));
  address.username = encodeURIComponent(text(variables["RESTIC_REST_USERNAME"]));
  address.password = encodeURIComponent(text(variables["RESTIC_REST_PASSWORD"]));
  return new Secret(`rest:${address.href}`);
}

function text(value: string | Secret | undefined): string {
  return value instanceof Secret ? value.reveal() : (value ?? "");
}
