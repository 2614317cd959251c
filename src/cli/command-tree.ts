// Knows: which commands there are and in what order help names them. Must not know: what any of them does.
import { addAccept } from "./accept.ts";
import { addBackup } from "./backup.ts";
import { addCheck } from "./check.ts";
import { addGlobalOptions, CommandNode, helpStyle } from "./command-node.ts";
import { addCompletion } from "./completion.ts";
import { addConfig } from "./config.ts";
import { addCopy } from "./copy.ts";
import { addDaemon } from "./daemon.ts";
import { addDoctor } from "./doctor.ts";
import { addForget } from "./forget.ts";
import { addHistory } from "./history.ts";
import { addImport } from "./import.ts";
import { addInit } from "./init.ts";
import { addLogs } from "./logs.ts";
import { addNotify } from "./notify.ts";
import { addPrune } from "./prune.ts";
import { addRecover } from "./recover.ts";
import { addRestore } from "./restore.ts";
import { addRun } from "./run.ts";
import type { Act } from "./session.ts";
import { addSnapshots } from "./snapshots.ts";
import { addStatus } from "./status.ts";
import { version } from "./version.ts";
import { addVolumes } from "./volumes.ts";

/** Adds a command to the tree. */
type Add = (tree: CommandNode, act: Act) => void;

const groups: readonly (readonly [heading: string, commands: readonly Add[]])[] = [
  ["Back up:", [addRun, addBackup, addCopy, addForget, addPrune, addDaemon]],
  ["Restore and prove:", [addSnapshots, addRestore, addCheck]],
  ["Look:", [addStatus, addHistory, addLogs, addVolumes, addDoctor]],
  [
    "Set up and mend:",
    [addInit, addConfig, addImport, addNotify, addRecover, addAccept, addCompletion],
  ],
];

/** Where help goes, and whether it may have colours. */
export interface HelpOutput {
  readonly write: (text: string) => void;
  readonly width: number;
  readonly colours: boolean;
}

/**
 * The whole command line. Recognised commands are handed to `act`; everything else (help, version,
 * a wrong command line) is thrown as a `CommanderError`.
 */
export function commandTree(act: Act, help: HelpOutput): CommandNode {
  const tree = new CommandNode("holdfast");
  tree
    .description("Makes backups with the tools people trust, and proves them.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureHelp(helpStyle(help.colours))
    .configureOutput({
      writeOut: help.write,
      getOutHelpWidth: () => help.width,
      getOutHasColors: () => help.colours,
      // What is wrong with a command line is thrown, and shown where all errors are.
      writeErr() {},
      outputError() {},
    });
  addGlobalOptions(tree);
  for (const [heading, commands] of groups) {
    tree.commandsGroup(heading);
    for (const add of commands) add(tree, act);
  }
  tree.helpCommand("help [command]", "show help of a command");
  return tree.withExamples(
    ["holdfast config example", "see all that can be configured"],
    ["holdfast doctor", "find out what is missing"],
    ["holdfast run", "back everything up"],
    ["holdfast status", "see how it is"],
    ["holdfast restore documents --target /tmp/restored", "get something back"],
  );
}
