// Knows: the command `accept`.
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";

/** Adds `accept`: a person has looked at a suspicious run. */
export function addAccept(tree: CommandNode, act: Act): void {
  tree
    .command("accept")
    .summary("accept a suspicious run, so that retention goes on")
    .description(
      "Says that a person has looked at the suspicious runs of a job and found them right. Its retention goes on, and later runs are compared with the newest of them.",
    )
    .argument("<job>", "the job")
    .withExamples(["holdfast accept documents", "the newest snapshot of documents is right"])
    .action(async (job: string) => act(async (session) => await accept(session, job)));
}

async function accept(session: Session, job: string): Promise<number> {
  const { chosen } = await import("./names.ts");
  const { output } = session;
  await using program = await session.open({ readOnly: false });
  chosen("job", [job], program.config.jobs.keys());

  const accepted = program.journal.unaccepted(job).map(({ id, end }) => ({
    run: id,
    suspicious: end?.suspicious ?? [],
  }));
  if (accepted.length > 0) program.journal.accept(job);

  output.document({ job, accepted });
  for (const { run, suspicious } of accepted) {
    output.message(`accepted run ${run}: ${suspicious.join("; ")}`);
  }
  if (accepted.length === 0) output.message(`no run of ${job} is suspicious`);
  return 0;
}
