// Knows: every key of the configuration file. Must not know: where a value was written, and what is done with it.
import * as z from "zod";
import { AnyRepository } from "../engines/index.ts";
import { AnyHost } from "../hosts/ssh/index.ts";
import { Duration } from "../kernel/duration.ts";
import { Size } from "../kernel/size.ts";
import { AnyNotifier } from "../notifiers/index.ts";
import { Retention } from "../policy/retention.ts";
import { defaultRetryMs } from "../policy/retry.ts";
import { Schedule } from "../policy/schedule.ts";
import { AnySource } from "../sources/index.ts";
import { AnyVolume } from "../volumes/index.ts";

// Zod would compile each schema to code before its first use. A configuration is read once.
z.config({ jitless: true });

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error:
    "a name begins with a letter or digit and has only letters, digits, dots, dashes and underscores",
});

const minute = 60_000;

const Period = Duration.refine((ms) => ms > 0, { error: "must be longer than nothing" });

const FileName = z.string().min(1);

const HookCommand = z
  .tuple([z.string().min(1)], z.string(), {
    error: ({ input }) =>
      typeof input === "string"
        ? 'expected a program and its arguments as a list; a line for a shell is written [sh, -c, "…"]'
        : undefined,
  })
  .meta({
    description: "A program and its arguments. It runs without a shell.",
    examples: [
      ["systemctl", "stop", "app"],
      ["sh", "-c", "pg_dumpall > /srv/dumps/all.sql"],
    ],
  });

const HookCommands = z.array(HookCommand).default([]);

const Hooks = z.strictObject({
  before: HookCommands.meta({
    description:
      "Run in this order before anything is read. One that fails ends the run; exit status 75 makes it skipped instead.",
    examples: [[["systemctl", "stop", "app"]]],
  }),
  after: HookCommands.meta({
    description:
      "Run as soon as the backup has ended, however it ended, once `before` was begun, and after a crash at the next start: put back here what `before` changed. Copies are sent after that.",
    examples: [[["systemctl", "start", "app"]]],
  }),
  "on-failure": HookCommands.meta({
    description: "Run at the end of a run that has failed.",
    examples: [[["logger", "the backup has failed"]]],
  }),
  timeout: Period.prefault("1h").meta({
    description: "A command that takes longer is ended and has failed. Default: 1h.",
    examples: ["10m"],
  }),
});

/** One job, as the file has it. */
export const JobEntry = z.strictObject({
  sources: z
    .array(AnySource)
    .min(1)
    .meta({
      description:
        "What is backed up: `VOLUME:PATH` on a configured volume, an absolute path, `~/PATH`, or the newest snapshot of another job's repository. All sources of a job are on one machine.",
      examples: [["~/Documents", "~/Pictures"]],
    }),
  repository: z.string().meta({
    description:
      "The name of the repository that it is backed up to. No other job may write to it.",
    examples: ["documents"],
  }),
  copies: z
    .array(z.string())
    .default([])
    .meta({
      description:
        "Names of further repositories of the same engine. Each run copies what they lack.",
      examples: [["offsite"]],
    }),
  exclude: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Patterns of files and folders to leave out, in the notation of the engine's tool.",
      examples: [["**/node_modules", "~/.cache"]],
    }),
  "exclude-files": z
    .array(FileName)
    .default([])
    .meta({
      description: "Files that hold such patterns, one a line.",
      examples: [["~/.config/holdfast/excludes"]],
    }),
  "exclude-if-present": z
    .array(FileName)
    .default([])
    .meta({
      description: "A folder that holds a file of such a name is left out, but for this file.",
      examples: [[".nobackup", "CACHEDIR.TAG"]],
    }),
  "exclude-larger-than": Size.optional().meta({
    description: "Files that are larger are left out.",
    examples: ["4GiB"],
  }),
  "exclude-ignore-case": z.boolean().default(false).meta({
    description: "Whether capital and small letters are the same in patterns.",
  }),
  "one-file-system": z.boolean().default(false).meta({
    description: "Whether other file systems that are mounted below a source are left out.",
  }),
  schedule: Schedule.optional().meta({
    description:
      "When it is due: a cron schedule in local time or in a given time zone, an interval since its last start, or as soon as its volumes are there. Without it the job runs only when it is asked to.",
    examples: [
      "0 2 * * *",
      { cron: "30 1 * * 1-5", timezone: "Europe/Berlin" },
      { every: "6h" },
      { when: "available" },
    ],
  }),
  keep: Retention.optional().meta({
    description:
      "Which snapshots stay. A snapshot stays when any one of the rules wants it. Without rules nothing is ever forgotten.",
    examples: [{ hourly: 24, daily: 7, weekly: 4, monthly: 6, yearly: 1 }],
  }),
  "prune-every": Duration.prefault("7d").meta({
    description:
      "Space is reclaimed after old snapshots were forgotten, when this was last done longer ago. Default: 7d.",
    examples: ["1d"],
  }),
  labels: z
    .array(
      z.string().regex(/^[^\s,][^,\n\r]*$/, {
        error: "a label is text without commas and line breaks",
      }),
    )
    .default([])
    .meta({
      description: "Labels for every snapshot of the job. Retention can keep by them.",
      examples: [["laptop"]],
    }),
  hooks: Hooks.prefault({}).meta({
    description:
      "Commands around a backup. They do not inherit environment variables that hold a secret of this configuration.",
    examples: [{ before: [["systemctl", "stop", "app"]], after: [["systemctl", "start", "app"]] }],
  }),
  notify: z
    .array(z.string())
    .default([])
    .meta({
      description: "Names of the notifiers that are told how runs end.",
      examples: [["screen"]],
    }),
  retry: z
    .array(Period)
    .prefault(defaultRetryMs.map((ms) => `${ms / minute}m`))
    .meta({
      description:
        "How long the daemon waits before it tries a failed run again, once for each entry. Default: 1, 2, 5, 10, 20, 30 and 60 minutes. [] means never.",
      examples: [["5m", "30m"]],
    }),
  "overdue-after": Period.optional().meta({
    description:
      "Without a success for so long the job is overdue. Default: twice the interval of its schedule and an hour.",
    examples: ["3d"],
  }),
  timeout: Period.optional().meta({
    description: "A run that takes longer is ended and has failed. Default: no limit.",
    examples: ["12h"],
  }),
  enabled: z
    .boolean()
    .default(true)
    .meta({
      description:
        "Say false to rest a job: it is skipped wherever it is asked for, is never due, and hinders no other job. Default: true.",
      examples: [false],
    }),
});
export type JobEntry = z.output<typeof JobEntry>;

/** The configuration file. The only place where its keys, their checks and their words exist. */
export const ConfigFile = z.strictObject({
  version: z.literal(1).optional().meta({
    description: "The version of this format.",
  }),
  state: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        "The directory of the journal. Default: $STATE_DIRECTORY, else /var/lib/holdfast for a configuration below /etc, else holdfast in $XDG_STATE_HOME (~/.local/state), with a folder of its own there for a configuration that is named with --config.",
      examples: ["/var/lib/holdfast"],
    }),
  concurrency: z.int().min(1).max(64).default(4).meta({
    description: "How many jobs may work at once. Those that share a volume take turns.",
  }),
  hosts: z
    .record(Name, AnyHost)
    .default({})
    .meta({
      description:
        "Other machines, reached over ssh. What is not said here is taken from ~/.ssh/config. A volume names the host that it is on.",
      examples: [{ nas: { addresses: [{ host: "nas.lan" }] } }],
    }),
  volumes: z
    .record(Name, AnyVolume)
    .default({})
    .meta({
      description:
        "Directory trees that may be away: drives that are plugged in, network shares that are mounted. Elsewhere `NAME:PATH` is a place on one.",
      examples: [{ usb: { path: "/mnt/usb" } }],
    }),
  repositories: z.record(Name, AnyRepository).meta({
    description: "Places where snapshots are kept.",
    examples: [
      {
        documents: {
          engine: "restic",
          at: "usb:restic",
          password: { file: "~/.config/holdfast/restic.key" },
        },
      },
    ],
  }),
  notifiers: z
    .record(Name, AnyNotifier)
    .default({})
    .meta({
      description: "Ways in which somebody is told how runs end.",
      examples: [{ screen: { type: "desktop" } }],
    }),
  jobs: z
    .record(Name, JobEntry)
    .refine((jobs) => Object.keys(jobs).length > 0, { error: "needs at least one job" })
    .meta({
      description: "What is backed up, where to, and when.",
      examples: [
        {
          documents: {
            sources: ["~/Documents"],
            repository: "documents",
            exclude: ["**/node_modules"],
            schedule: "0 2 * * *",
            keep: { daily: 7, weekly: 4, monthly: 12 },
            notify: ["screen"],
          },
        },
      ],
    }),
});
export type ConfigFile = z.output<typeof ConfigFile>;
