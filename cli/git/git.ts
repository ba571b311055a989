/** Runs git without its optional locks, because an agent may be committing in the same repository. */

import { execFile } from 'node:child_process';
import { toolPath } from '../base/search-path.ts';
import { withoutRepositoryVariables } from './git-variables.ts';

/** `missing` means that git is not installed. `failed` means that git refused, and `message` is its output. */
export type GitAnswer =
  | { kind: 'ok'; text: string }
  | { kind: 'failed'; message: string }
  | { kind: 'missing' };

/** Enough for the status of a huge repository. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** A hanging file system must not hang `orp`. */
const TIMEOUT_MS = 30_000;

/**
 * The settings of an untrusted repository can name programs. These options disable the programs that commands of `orp` would run:
 * file system monitor, hooks, signature checks. An empty monitor disables it in every version of git.
 */
const RUNS_NOTHING = [
  '--no-pager',
  ...['core.fsmonitor=', 'core.hooksPath=/dev/null', 'log.showSignature=false'].flatMap((setting) => [
    '-c',
    setting,
  ]),
];

/** Runs one git command in the repository around `root`. Ignores git's environment variables. */
export function git(root: string, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<GitAnswer> {
  return run(root, withoutRepositoryVariables(env), args);
}

/** Runs one git command with git's environment variables, which may name another repository. */
export function gitAsInherited(
  root: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<GitAnswer> {
  return run(root, env, args);
}

/** Returns the output without the final newline. */
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
          // A partial clone would fetch missing objects with a program that the repository names.
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

/** Returns the output of one git command, or undefined if the command failed. */
export async function gitText(
  root: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<string | undefined> {
  const answer = await git(root, env, ...args);
  return answer.kind === 'ok' ? answer.text : undefined;
}
