// Knows: the command `recover`.
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";

/** Adds `recover`: undoes what interrupted runs left. */
export function addRecover(tree: CommandNode, act: Act): void {
  tree
    .command("recover")
    .summary("undo what interrupted runs left")
    .description(
      "Finds runs whose process was killed, puts back what they had changed, and calls them interrupted. Also done at every start of `run` and `daemon`.",
    )
    .withExamples(["holdfast recover", "undo what interrupted runs left"])
    .action(async () => act(recoverNow));
}

async function recoverNow({ open, output, signal }: Session): Promise<number> {
  const { recover } = await import("../jobs/recover.ts");
  const { reportRecovery } = await import("./run-jobs.ts");
  await using program = await open({ readOnly: false });

  const recovered = await recover(program, signal);

  output.document({ recovered });
  reportRecovery(output, recovered);
  if (recovered.length === 0) output.message("nothing to recover");
  return recovered.some(({ failed }) => failed.length > 0) ? 1 : 0;
}
