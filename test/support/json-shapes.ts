// Knows: the shapes that `--json` has published, so that no field changes or appears unseen.
import * as z from "zod";

const Time = z.iso.datetime();
const OutcomeKind = z.enum([
  "success",
  "warning",
  "skipped",
  "failure",
  "cancelled",
  "interrupted",
]);
const SnapshotName = z.strictObject({ repository: z.string(), id: z.string() });

const Evidence = z.strictObject({
  files: z.int().optional(),
  bytes: z.int().optional(),
  added: z.int().optional(),
  seconds: z.number().optional(),
  unreadable: z.array(z.string()).optional(),
  unreadableCount: z.int().optional(),
  notes: z.array(z.string()).optional(),
  maintenanceSeconds: z.number().optional(),
  dumpedBytes: z.int().optional(),
  emptySources: z.array(z.string()).optional(),
  listed: z.boolean().optional(),
});

const EndOfRun = {
  outcome: OutcomeKind,
  reason: z.string().optional(),
  code: z.string().optional(),
  hint: z.string().optional(),
  snapshots: z.array(SnapshotName),
  evidence: Evidence.optional(),
  suspicious: z.array(z.string()),
  away: z.boolean().optional(),
};

/** What every line of `run --json` begins with. */
const line = { version: z.literal(1), time: Time, run: z.string(), job: z.string() };
const step = { step: z.string(), repository: z.string().optional() };

/** One line of `run --json`. */
export const RunLine = z.discriminatedUnion("event", [
  z.strictObject({
    ...line,
    event: z.literal("run-started"),
    trigger: z.enum(["command", "schedule", "catch-up", "retry", "available"]),
  }),
  z.strictObject({ ...line, ...step, event: z.literal("step-started") }),
  z.strictObject({
    ...line,
    event: z.literal("progress"),
    step: z.string(),
    progress: z.strictObject({
      filesDone: z.int().optional(),
      filesTotal: z.int().optional(),
      bytesDone: z.int().optional(),
      bytesTotal: z.int().optional(),
      secondsElapsed: z.number().optional(),
      secondsRemaining: z.number().optional(),
      current: z.string().optional(),
    }),
  }),
  z.strictObject({
    ...line,
    ...step,
    event: z.literal("step-finished"),
    seconds: z.number(),
    result: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ ...line, ...step, event: z.literal("step-skipped"), reason: z.string() }),
  z.strictObject({
    ...line,
    ...step,
    event: z.literal("step-failed"),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  }),
  z.strictObject({
    ...line,
    event: z.literal("volume-attached"),
    volume: z.string(),
    path: z.string(),
    did: z.array(z.string()),
  }),
  z.strictObject({
    ...line,
    event: z.literal("volume-released"),
    volume: z.string(),
    mayUnplug: z.literal(true),
  }),
  z.strictObject({
    ...line,
    event: z.literal("warning"),
    message: z.string(),
    hint: z.string().optional(),
  }),
  z.strictObject({ ...line, event: z.literal("run-finished"), seconds: z.number(), ...EndOfRun }),
]);

const version = z.literal(1);

/** `run --dry-run --json`. */
export const Plans = z.strictObject({
  version,
  dryRun: z.literal(true),
  plans: z.array(
    z.strictObject({
      job: z.string(),
      action: z.enum(["run", "skip", "fail"]),
      reason: z.string().optional(),
      code: z.string().optional(),
      hint: z.string().optional(),
      steps: z.array(
        z.strictObject({
          ...step,
          action: z.enum(["do", "skip"]),
          reason: z.string(),
          commands: z.array(z.string()),
        }),
      ),
    }),
  ),
});

/** `snapshots --json`. */
export const Snapshots = z.strictObject({
  version,
  snapshots: z.array(
    z.strictObject({
      id: z.string(),
      job: z.string(),
      repository: z.string(),
      engine: z.string(),
      time: Time,
      kind: z.enum(["full", "differential", "snapshot"]),
      base: z.string().optional(),
      labels: z.array(z.string()),
      bytes: z.int().optional(),
      files: z.int().optional(),
      verified: Time.optional(),
      keep: z.array(z.string()),
      found: z.array(z.string()).optional(),
    }),
  ),
  gaps: z.array(
    z.strictObject({
      job: z.string(),
      repository: z.string(),
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
      exitStatus: z.int(),
      away: z.boolean(),
    }),
  ),
});

/** `status --json`. */
export const Status = z.strictObject({
  version,
  jobs: z.array(
    z.strictObject({
      job: z.string(),
      outcome: z.union([OutcomeKind, z.enum(["never", "running"])]),
      reason: z.string().optional(),
      hint: z.string().optional(),
      started: Time.optional(),
      finished: Time.nullable(),
      maintenanceSeconds: z.number().optional(),
      lastSuccess: Time.optional(),
      nextDue: Time.nullable(),
      waitsFor: z.array(z.string()).optional(),
      overdue: z.boolean(),
      suspicious: z.array(z.string()),
      repositories: z.array(
        z.strictObject({
          repository: z.string(),
          present: z.boolean(),
          reason: z.string().optional(),
          newest: Time.nullable(),
          count: z.int().nullable(),
        }),
      ),
    }),
  ),
});

/** `doctor --json`. */
export const Findings = z.strictObject({
  version,
  findings: z.array(
    z.strictObject({
      code: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
      severity: z.enum(["ok", "away", "warning", "error"]),
      subject: z.string(),
      message: z.string(),
      hint: z.string().optional(),
    }),
  ),
});

/** `restore --json`. */
export const Restored = z.strictObject({
  version,
  job: z.string(),
  repository: z.string(),
  snapshots: z.array(z.strictObject({ id: z.string(), time: Time })),
  target: z.string(),
  files: z.int().optional(),
  bytes: z.int().optional(),
  problems: z.array(z.string()),
  seconds: z.number(),
  commands: z.array(z.string()),
  passedOver: z.array(z.strictObject({ repository: z.string(), reason: z.string() })).optional(),
  dryRun: z.boolean(),
});

/** `restore --in-place --json` of an application, and of a drill. */
export const Reinstated = z.strictObject({
  version,
  job: z.string(),
  repository: z.string(),
  snapshots: z.array(z.strictObject({ id: z.string(), time: Time })),
  source: z.string(),
  place: z.string(),
  steps: z.array(z.string()),
  warnings: z.array(z.string()),
  target: z.string().optional(),
  aside: z.string().optional(),
  notes: z.array(z.string()),
  next: z.array(z.string()),
  seconds: z.number(),
  dryRun: z.boolean(),
});

/** `check --json`. */
export const Checks = z.strictObject({
  version,
  checks: z.array(
    z.strictObject({
      job: z.string(),
      repository: z.string(),
      ok: z.boolean(),
      away: z.boolean(),
      problems: z.array(z.string()),
      notes: z.array(z.string()).optional(),
      code: z.string().optional(),
      hint: z.string().optional(),
      exitStatus: z.int(),
      seconds: z.number(),
    }),
  ),
});

/** `forget --json`. */
export const Forgotten = z.strictObject({
  version,
  jobs: z.array(
    z.strictObject({
      job: z.string(),
      run: z.string(),
      outcome: OutcomeKind,
      reason: z.string().optional(),
      code: z.string().optional(),
      hint: z.string().optional(),
      away: z.boolean(),
      retriable: z.boolean(),
      exitStatus: z.int(),
      snapshots: z.array(SnapshotName),
      evidence: Evidence.optional(),
      seconds: z.number(),
      repositories: z.array(
        z.strictObject({
          repository: z.string(),
          forgotten: z.array(z.string()),
          kept: z.array(z.strictObject({ id: z.string(), keep: z.array(z.string()) })),
        }),
      ),
    }),
  ),
});

/** `history --json`. */
export const History = z.strictObject({
  version,
  runs: z.array(
    z.strictObject({
      run: z.string(),
      job: z.string(),
      trigger: z.string(),
      started: Time,
      finished: Time.nullable(),
      seconds: z.number().nullable(),
      ...EndOfRun,
      outcome: OutcomeKind.nullable(),
    }),
  ),
});

/** `import --json`. */
export const Import = z.strictObject({
  version,
  tool: z.string(),
  file: z.string(),
  config: z.string(),
  findings: z.array(
    z.strictObject({
      verdict: z.enum(["mapped", "changed", "unmapped", "unneeded", "secret"]),
      key: z.string(),
      to: z.string().optional(),
      message: z.string().optional(),
      line: z.int(),
      column: z.int(),
    }),
  ),
  secrets: z.array(z.strictObject({ file: z.string(), written: z.boolean() })),
  warnings: z.array(z.string()),
  check: z
    .array(
      z.strictObject({
        job: z.string(),
        repository: z.string(),
        state: z.enum(["continued", "begun", "unknown"]),
        message: z.string(),
        hint: z.string().optional(),
        snapshots: z.int().optional(),
        others: z.int().optional(),
        newest: z.strictObject({ id: z.string(), time: Time }).optional(),
      }),
    )
    .optional(),
});

/** `init --json`. */
export const Created = z.strictObject({
  version,
  created: z.array(
    z.strictObject({
      kind: z.enum(["repository", "volume"]),
      name: z.string(),
      created: z.boolean(),
      away: z.boolean(),
      message: z.string(),
      planned: z.literal(true).optional(),
      unknown: z.literal(true).optional(),
      path: z.string().optional(),
      commands: z.array(z.string()).optional(),
      hint: z.string().optional(),
      code: z.string().optional(),
      exitStatus: z.int().optional(),
    }),
  ),
  dryRun: z.boolean(),
});

/** `volumes --json`. */
export const Volumes = z.strictObject({
  version,
  volumes: z.array(
    z.strictObject({
      volume: z.string(),
      host: z.string().optional(),
      path: z.string().nullable(),
      device: z.string().optional(),
      kept: z.boolean().optional(),
      present: z.boolean(),
      mounted: z.boolean(),
      code: z.string().optional(),
      reason: z.string().optional(),
      hint: z.string().optional(),
      freeBytes: z.number().optional(),
    }),
  ),
});

/** `recover --json`. */
export const Recovered = z.strictObject({
  version,
  recovered: z.array(
    z.strictObject({
      run: z.string(),
      job: z.string(),
      message: z.string(),
      undone: z.array(z.string()),
      failed: z.array(z.strictObject({ subject: z.string(), message: z.string() })),
    }),
  ),
});

/** `accept --json`. */
export const Accepted = z.strictObject({
  version,
  job: z.string(),
  accepted: z.array(z.strictObject({ run: z.string(), suspicious: z.array(z.string()) })),
});

/** `notify test --json`. */
export const TestedNotifiers = z.strictObject({
  version,
  notifiers: z.array(
    z.strictObject({ notifier: z.string(), ok: z.boolean(), message: z.string().optional() }),
  ),
});

/** `config check --json`. */
export const CheckedConfig = z.strictObject({
  version,
  file: z.string(),
  jobs: z.array(z.string()),
  warnings: z.array(
    z.strictObject({
      message: z.string(),
      hint: z.string().optional(),
      line: z.int().optional(),
      column: z.int().optional(),
    }),
  ),
});

/** `config show --json`. */
export const ShownConfig = z.strictObject({
  version,
  file: z.string(),
  config: z.record(z.string(), z.unknown()),
});

/** `config show --graph json`. */
export const Graph = z.strictObject({
  version,
  file: z.string(),
  nodes: z.array(
    z.strictObject({
      id: z.string(),
      kind: z.enum(["source", "job", "repository"]),
      name: z.string(),
      engine: z.string().optional(),
      volume: z.string().optional(),
      host: z.string().optional(),
      path: z.string().optional(),
      disabled: z.literal(true).optional(),
    }),
  ),
  edges: z.array(
    z.strictObject({
      from: z.string(),
      to: z.string(),
      kind: z.enum(["reads", "writes", "copies"]),
      job: z.string(),
    }),
  ),
});

/** A failure on standard error. */
export const Failure = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    cause: z.string().optional(),
  }),
});
