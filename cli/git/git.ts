/** Asks git. Never takes its optional locks: the agent may be committing in the same repository at this moment. */

import { execFile } from 'node:child_process';
import { toolPath } from '../base/search-path.ts';
import { withoutRepositoryVariables } from './git-variables.ts';

/** `missing`: there is no git on this machine. `failed`: git said no; its words are in `message`. */
export type GitAnswer =
  | { kind: 'ok'; text: string }
  | { kind: 'failed'; message: string }
  | { kind: 'missing' };

/** A status of a huge repository fits; what is larger is not worth holding. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** git waits for nobody; a hanging file system must not hang `orp`. */
const TIMEOUT_MS = 30_000;

/**
 * A repository may come from anywhere, and its settings can name programs. These take the places that the commands of
 * `orp` would run: a file system monitor, hooks, a check of signatures. A blank monitor is none, in every version of git.
 */
const RUNS_NOTHING = [
  '--no-pager',
  ...['core.fsmonitor=', 'core.hooksPath=/dev/null', 'log.showSignature=false'].flatMap((setting) => [
    '-c',
    setting,
  ]),
];

/** Runs one git command in the repository around `root`, whatever git's own variables name. */
export function git(root: string, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<GitAnswer> {
  return run(root, withoutRepositoryVariables(env), args);
}

/** The same as git alone would do it: its variables may name another repository. */
export function gitAsInherited(
  root: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<GitAnswer> {
  return run(root, env, args);
}

/** The output comes without the last newline. */
function run(root: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<GitAnswer> {
  return new Promise((resolve) => {
    execFile(
      'git',
      [...RUNS_NOTHING, '-C', root, ...args],
      {
        env: {
          ...env,
          PATH: toolPath(env),
          GIT_OPTIONAL_LOCKS: '0',
          GIT_TERMINAL_PROMPT: '0',
          // A clone with missing objects would fetch them, by a program that the repository names.
          GIT_ALLOW_PROTOCOL: '',
          LC_ALL: 'C',
        },
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
