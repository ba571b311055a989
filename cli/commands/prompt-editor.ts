/** Lets a person write a prompt in their editor, as `git commit` does with messages. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError, usageError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { PRIVATE_MODE } from '../files/json-file.ts';
import type { Context } from '../output/context.ts';

/** Everything from this line on is not part of the prompt. Prompts may contain Markdown, so `#` marks no comment. */
const CUT = '------------------------ >8 ------------------------';

const TEMPLATE = `

${CUT}
Write the prompt above this line. orp sends it when you save and close the file.
Save an empty prompt to send nothing.
`;

export interface WrittenPrompt {
  prompt: string;
  /** Deletes the file. */
  forget(): void;
  /** Prints where the file of the prompt is. Called if the prompt could not be sent. */
  keep(): void;
}

/** Opens the editor. Throws if it fails, or if the person wrote nothing. */
export function writePrompt(context: Context): WrittenPrompt {
  const { env } = context;
  const path = join(mkdtempSync(join(tmpdir(), 'orp-prompt-')), 'prompt.md');
  const forget = () => rmSync(dirname(path), { recursive: true, force: true });
  writeFileSync(path, TEMPLATE, { mode: PRIVATE_MODE });
  const program = env.VISUAL?.trim() || env.EDITOR?.trim() || 'vi';
  // The variable may have options (`code --wait`), so the shell starts it.
  const { status } = spawnSync('/bin/sh', ['-c', `${program} "$1"`, 'sh', path], { env, stdio: 'inherit' });
  if (status !== 0) {
    forget();
    throw new CliError(`The editor failed, so nothing was sent: ${program}.`, {
      code: 'editor_failed',
      hint: 'Set EDITOR to a program that works, or pass the prompt as an argument.',
    });
  }
  const prompt = (readFileSync(path, 'utf8').split(`\n${CUT}`)[0] ?? '').trim();
  if (prompt === '') {
    forget();
    throw usageError('The prompt is empty, so nothing was sent.');
  }
  return {
    prompt,
    forget,
    keep: () => {
      // Without the lines below the prompt, the file can be sent as it is.
      writeFileSync(path, `${prompt}\n`, { mode: PRIVATE_MODE });
      context.warn('Your prompt is kept.', `Send it with \`orp job submit --file ${shellWord(path)}\`.`);
    },
  };
}
