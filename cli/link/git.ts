/** Asks git. Never takes its optional locks: the agent may be committing in the same repository at this moment. */

import { execFile } from 'node:child_process';

/** `missing`: there is no git on this machine. `failed`: git said no; its words are in `message`. */
export type GitAnswer =
  | { kind: 'ok'; text: string }
  | { kind: 'failed'; message: string }
  | { kind: 'missing' };

/** A status of a huge repository fits; what is larger is not worth holding. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** git waits for nobody; a hanging file system must not hang `orp`. */
const TIMEOUT_MS = 30_000;

/** Runs one git command in `root`; its output comes without the last newline. */
export function git(root: string, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<GitAnswer> {
  return new Promise((resolve) => {
    execFile(
      'git',
      ['-C', root, ...args],
      {
        env: { ...env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
        maxBuffer: MAX_OUTPUT_BYTES,
        timeout: TIMEOUT_MS,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ kind: 'ok', text: stdout.replace(/\n$/, '') });
        if (error.code === 'ENOENT') return resolve({ kind: 'missing' });
        resolve({ kind: 'failed', message: stderr.trim() || error.message });
      },
    );
  });
}

/** The output of one git command, or undefined when it failed for whatever reason. */
export async function gitText(
  root: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<string | undefined> {
  const answer = await git(root, env, ...args);
  return answer.kind === 'ok' ? answer.text : undefined;
}
