// Knows: what keeps any database's tool from working. Must not know: the words of any of them.
import { CommandFailed, lastWords } from "../hosts/command-failed.ts";
import { type ErrorCode, HoldfastError } from "../kernel/errors.ts";

/** What was done when it failed. */
export type Deed = "dump" | "restore" | "ask";

/** What one kind of failure means. */
export interface Meaning {
  readonly says: RegExp;
  readonly code: ErrorCode;
  readonly hint: string;
}

/** What failures of one kind of database are told with. */
export interface Explaining {
  readonly label: string;
  readonly deed: Deed;
  /** In the order in which they are looked for. */
  readonly meanings: readonly Meaning[];
  /** Lines that tools write while all goes well. */
  readonly chatter: RegExp;
}

const letInputThrough =
  "what is in `through` must pass standard input on, without a terminal: docker exec -i, docker compose exec -T, kubectl exec -i";

const common: readonly Meaning[] = [
  {
    says: /holdfast: (standard input does not get through|a terminal is in between)|is not a TTY/,
    code: "database-unusable",
    hint: letInputThrough,
  },
  {
    says: /holdfast: not installed: |exec: \S+: not found|"sh": executable file not found/,
    code: "tool-missing",
    hint: "install it where the command runs, or lead to where it is with `through`",
  },
  {
    says: /No such container|no such service|is not running|Cannot connect to the Docker daemon/i,
    code: "database-unusable",
    hint: "start it, and see the words of `through` in the configuration",
  },
];

const otherwise: Readonly<Record<Deed, ErrorCode>> = {
  dump: "dump-failed",
  restore: "database-unusable",
  ask: "database-unusable",
};

const deeds: Readonly<Record<Deed, string>> = {
  dump: "could not be dumped",
  restore: "could not be restored",
  ask: "cannot be used",
};

/** Puts a failed command into words about the database. Everything else is passed on. */
export function explainFailure(
  error: unknown,
  { label, deed, meanings, chatter }: Explaining,
): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const { stderr, signal, exitStatus } = error.result;
  const said = lastWords(
    stderr
      .split("\n")
      .filter((line) => !chatter.test(line))
      .join("\n"),
  );
  const meaning = [...common, ...meanings].find(({ says }) => says.test(stderr));
  const how = signal === undefined ? `exit status ${exitStatus}` : signal;
  const reason = said === "" ? `its tool ended with ${how}` : said;
  return new HoldfastError(meaning?.code ?? otherwise[deed], `${label} ${deeds[deed]}: ${reason}`, {
    ...(meaning === undefined ? {} : { hint: meaning.hint }),
    cause: error,
  });
}
