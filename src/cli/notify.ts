// Knows: the command `notify`.
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { visible } from "./wording.ts";

/** Adds `notify` and what belongs to it. */
export function addNotify(tree: CommandNode, act: Act): void {
  const notify = tree
    .command("notify")
    .summary("try out notifiers")
    .description("Tries out notifiers.");
  notify
    .command("test")
    .summary("send a test message")
    .description("Sends a test message through notifiers, and says which took it.")
    .argument("[notifier...]", "names of notifiers (default: all)")
    .withExamples(
      ["holdfast notify test", "send a test message through every notifier"],
      ["holdfast notify test phone", "send one through one notifier"],
    )
    .action(async (names: readonly string[]) =>
      act(async (session) => await testNotifying(session, names)),
    );
}

async function testNotifying(session: Session, given: readonly string[]): Promise<number> {
  const { testNotifiers } = await import("../jobs/notify.ts");
  const { chosen } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: true });
  const names = chosen("notifier", given, program.config.notifiers.keys());

  const notifiers = await testNotifiers(program, names, signal);

  output.document({ notifiers });
  output.text(notifiersText(notifiers, output.paint));
  if (notifiers.length === 0) output.message("no notifiers are configured");
  return notifiers.every(({ ok }) => ok) ? 0 : 1;
}

interface TestedNotifier {
  readonly notifier: string;
  readonly ok: boolean;
  readonly message?: string;
}

/** One line for each notifier: whether it took the message. */
export function notifiersText(tested: readonly TestedNotifier[], paint: Paint): string {
  return tested
    .map(({ notifier, ok, message }) => {
      if (ok) return `${paint.green("sent")}    ${notifier}\n`;
      return `${paint.red("failed")}  ${notifier}: ${visible(message ?? "no reason given")}\n`;
    })
    .join("");
}
