/** `orp completion`: prints the script that makes a shell complete `orp`. */

import { Argument, type Command } from 'commander';
import type { CommonOptions } from '../output/context.ts';
import type { Shell } from './shell.ts';

const SCRIPTS = {
  bash: `_orp() {
  local IFS=$'\\n'
  COMPREPLY=($(orp __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _orp orp
`,
  zsh: `#compdef orp
_orp() {
  local -a found
  found=("\${(@f)$(orp __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _orp orp
`,
  fish: `complete -c orp -f -a '(orp __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
} as const;

type ShellName = keyof typeof SCRIPTS;

export function registerCompletion(command: Command, shell: Shell): void {
  command
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(SCRIPTS)))
    .action((name: ShellName, options: CommonOptions) =>
      shell.run(options, async (context) => {
        // The script contains no foreign text, so it need not be escaped.
        context.stdout.write(SCRIPTS[name]);
      }),
    );
}
