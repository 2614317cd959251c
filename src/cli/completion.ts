// Knows: the command `completion`.
import { Argument } from "commander";
import type { CommandNode } from "./command-node.ts";
import type { Act, Session } from "./session.ts";

/** The shells that can be helped. */
const shells = ["bash", "zsh", "fish"] as const;

/** Adds `completion`: a script that teaches a shell this command line. */
export function addCompletion(tree: CommandNode, act: Act): void {
  tree
    .command("completion")
    .summary("print a script that completes commands in your shell")
    .description(
      "Prints a script that teaches a shell to complete commands, options, and the names of jobs, repositories, notifiers, runs and snapshots.",
    )
    .addArgument(new Argument("<shell>", "your shell").choices(shells))
    .withExamples(
      ["source <(holdfast completion bash)", "in ~/.bashrc"],
      ["source <(holdfast completion zsh)", "in ~/.zshrc, after compinit"],
      ["holdfast completion fish > ~/.config/fish/completions/holdfast.fish", "for fish, once"],
    )
    .action(async (shell: string) => act(async (session) => await printScript(session, shell)));
}

async function printScript({ output }: Session, shell: string): Promise<number> {
  if (shell === "bash") {
    output.raw(bashScript);
    return 0;
  }
  const { script } = await import("@bomb.sh/tab");
  script(shell, "holdfast", "holdfast");
  return 0;
}

// Of our own, because the one of @bomb.sh/tab needs the package bash-completion, and evaluates what
// was typed. It speaks the same protocol: candidates, each with a tab and its description, then
// `:DIRECTIVE`, where 4 means that no files are meant.
const bashScript = `# bash completion for holdfast
_holdfast() {
  # Bash splits words also at = : and @. They are put together again where no blank is between them.
  local rest=\${COMP_LINE:0:COMP_POINT} word gap i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=\${rest%%[![:space:]]*}
    rest=\${rest#"$gap"}
    word=\${COMP_WORDS[i]}
    ((i < COMP_CWORD)) || word=$rest
    rest=\${rest#"$word"}
    if [[ -z $gap && i -gt 0 ]]; then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
  done

  local program=\${1/#\\~\\//$HOME/} answer
  answer=$("$program" complete -- "\${words[@]:1}" 2>/dev/null) || return
  [[ $answer == *:* ]] || return

  # Only the last of the pieces that bash made is replaced, so what stands before must not be repeated.
  local prefix=\${words[\${#words[@]}-1]} value
  # An @ counts to the piece behind it, though bash has cut it off.
  [[ $word == [=:] ]] || prefix=\${prefix%"$word"}
  prefix=\${prefix%@}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    [[ -z $value || $value == :* ]] || COMPREPLY+=("\${value#"$prefix"}")
  done <<<"$answer"
  [[ \${answer##*:} == 4 ]] || compopt -o default
}
complete -F _holdfast holdfast
`;
