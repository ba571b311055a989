/** `orp completion`: prints the script that makes a shell complete `orp`. */

import { Argument, type Command } from 'commander';
import type { CommonOptions } from '../output/context.ts';
import type { Shell } from './shell.ts';

/** bash shows words only. zsh and fish show what each word means. If `orp` offers no words, the shells offer file names. */
const SCRIPTS = {
  bash: `_orp() {
  local IFS=$'\\n'
  COMPREPLY=($(orp __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _orp orp
`,
  zsh: `#compdef orp
_orp() {
  local line
  local -a words_found shown
  for line in "\${(@f)$(orp __complete --describe -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n "$line" ]] || continue
    words_found+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  }")
  done
  if (( \${#words_found} )); then
    compadd -l -d shown -a words_found
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _orp ]]; then
  _orp "$@"
else
  compdef _orp orp
fi
`,
  fish: `complete -c orp -f -a '(orp __complete --describe -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
${[
  'repo-root',
  'config',
  'file',
  'output',
  'project-root',
  'linked-project-root',
  'details-file',
  'codex-bin',
]
  .map((name) => `complete -c orp -l ${name} -r -F`)
  .join('\n')}
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
