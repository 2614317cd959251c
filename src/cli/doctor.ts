// Knows: the command `doctor`.
import type { Finding } from "../kernel/finding.ts";
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { count, visible, visibleLines } from "./wording.ts";

/** Adds `doctor`: what stands in the way, and the command that mends it. */
export function addDoctor(tree: CommandNode, act: Act): void {
  tree
    .command("doctor")
    .summary("find what stands in the way, and how to mend it")
    .description(
      "Looks at everything that jobs need: machines, volumes, tools and their versions on each machine, secrets (those of notifiers, too), sources, repositories. Says for each problem the command that mends it, over ssh for another machine. What lies behind something that is away is not examined, and that is said. Changes nothing. The exit status is 1 when something stands in the way, 3 when something is unwise, else 0.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .withLocations()
    .withExamples(
      ["holdfast doctor", "examine everything"],
      ["holdfast doctor -v documents", "examine one job, and show what is well, too"],
      ["holdfast doctor --json | jq '.findings[].code'", "list codes, which stay the same"],
    )
    .action(async (jobs: readonly string[]) =>
      act(async (session) => await examineJobs(session, jobs)),
    );
}

async function examineJobs(session: Session, given: readonly string[]): Promise<number> {
  const { examine } = await import("../jobs/doctor.ts");
  const { chosenJobs } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: true });

  const findings = await examine(program, chosenJobs(program.config, given), signal);

  output.document({ findings });
  const { verbose, quiet } = output.options;
  output.text(findingsText(findings, { all: verbose, summary: !quiet, paint: output.paint }));
  return doctorExitStatus(findings);
}

/** 1 when something stands in the way, 3 when something is unwise, else 0. What is away is no failure. */
export function doctorExitStatus(findings: readonly Finding[]): number {
  if (findings.some(({ severity }) => severity === "error")) return 1;
  return findings.some(({ severity }) => severity === "warning") ? 3 : 0;
}

const order: readonly Finding["severity"][] = ["error", "warning", "away", "ok"];

/** Findings, the worst first, and a summary. What is well is only shown with `all`. */
export function findingsText(
  findings: readonly Finding[],
  {
    all,
    summary,
    paint,
  }: { readonly all: boolean; readonly summary: boolean; readonly paint: Paint },
): string {
  const shown = findings
    .filter(({ severity }) => all || severity !== "ok")
    .toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const lines = shown.flatMap((finding) => findingLines(finding, paint));
  if (summary) lines.push(summaryLine(findings, paint));
  return lines.map((line) => `${line}\n`).join("");
}

function findingLines(finding: Finding, paint: Paint): readonly string[] {
  const { severity, subject, message, hint } = finding;
  return [
    `${marks(paint)[severity]}  ${visible(subject)}: ${visibleLines(message)}`,
    ...(hint === undefined ? [] : [`       ${paint.green("hint:")} ${visible(hint)}`]),
  ];
}

function marks(paint: Paint): Readonly<Record<Finding["severity"], string>> {
  return {
    ok: paint.green("ok   "),
    away: paint.dim("away "),
    warning: paint.yellow("warn "),
    error: paint.red("error"),
  };
}

function summaryLine(findings: readonly Finding[], paint: Paint): string {
  const amount = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings, away] = [amount("error"), amount("warning"), amount("away")];
  if (errors + warnings + away === 0) {
    return paint.green(`all is well: ${count(findings.length, "thing")} examined`);
  }
  return paint.bold(
    `${count(errors, "error")}, ${count(warnings, "warning")}, ${away} away, ${amount("ok")} ok`,
  );
}
