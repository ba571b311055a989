/** Which repository a command works in. git itself is asked wherever it is not plain. */

import { join } from 'node:path';
import { CliError } from '../base/exit.ts';
import { firstLineOf } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import { resolvePath } from '../files/paths.ts';
import { type GitAnswer, git, gitAsInherited } from './git.ts';
import { findPlainGitDir } from './git-dir.ts';
import { repositoryVariables } from './git-variables.ts';

/** A folder, and the repository around it if there is one. */
export interface Repository {
  /** The folder itself: absolute, symlinks resolved. It stays a subdirectory when it is one. */
  root: string;
  /** Where the link state is kept; absent outside of a git work tree. */
  gitDir?: string;
  /** `git` is not installed. */
  isGitMissing: boolean;
  /** What git refused with, when it is more than "not a repository": the folder of another user, for example. */
  gitSays?: string;
}

/** A repository that can hold link state. */
export type LinkableRepository = Repository & { gitDir: string };

/** Looks at a folder that somebody named, with one git process at most. Variables of git change nothing. */
export async function resolveRepo(folder: string, env: NodeJS.ProcessEnv): Promise<Repository> {
  const root = resolvePath(process.cwd(), folder);
  const plain = findPlainGitDir(root, env);
  if (plain !== undefined) return { root, gitDir: resolvePath(root, plain), isGitMissing: false };
  return readAnswer(root, await git(root, env, ...WHICH_REPOSITORY));
}

/**
 * Looks at the folder that a command was started in and nobody named. git sets variables for its hooks that may name another
 * repository; which of the two is meant, only the person knows.
 */
export async function resolveRepoHere(folder: string, env: NodeJS.ProcessEnv): Promise<Repository> {
  const here = await resolveRepo(folder, env);
  const names = repositoryVariables(env);
  if (names.length === 0) return here;
  const inherited = readAnswer(here.root, await gitAsInherited(here.root, env, ...WHICH_REPOSITORY));
  if (inherited.gitDir === here.gitDir) return here;
  const variables = names.sort().join(' and ');
  throw new CliError(
    `Because of ${variables} in the environment, git finds ${nameOf(inherited)} here, but the current directory ${here.root} is in ${nameOf(here)}.`,
    {
      code: 'repository_conflict',
      hint: `Name the repository with --repo-root, for example \`orp --repo-root ${shellWord(here.root)} …\`, or unset ${variables}.`,
    },
  );
}

const WHICH_REPOSITORY = ['rev-parse', '--is-inside-work-tree', '--git-dir'];

function nameOf({ gitDir }: Repository): string {
  return gitDir === undefined ? 'no repository' : `the repository ${gitDir}`;
}

function readAnswer(root: string, answer: GitAnswer): Repository {
  if (answer.kind === 'missing') return { root, isGitMissing: true };
  if (answer.kind === 'failed') {
    const isPlain = /not a git repository|cannot change to/i.test(answer.message);
    return { root, isGitMissing: false, ...(isPlain ? {} : { gitSays: answer.message }) };
  }
  const [isInside, gitDir] = answer.text.split('\n');
  if (isInside !== 'true' || gitDir === undefined || gitDir === '') return { root, isGitMissing: false };
  return { root, gitDir: resolvePath(root, gitDir), isGitMissing: false };
}

/** Whether link state can be kept there. */
export function isLinkable(repository: Repository): repository is LinkableRepository {
  return repository.gitDir !== undefined;
}

/** The precondition GIT. */
export function requireGit(repository: Repository): LinkableRepository {
  if (isLinkable(repository)) return repository;
  if (repository.isGitMissing) {
    throw new CliError('git was not found.', { code: 'no_git', hint: 'Install git and put it on the PATH.' });
  }
  if (repository.gitSays !== undefined) {
    throw new CliError(`git refuses to work in ${repository.root}: ${firstLineOf(repository.gitSays)}.`, {
      code: 'git_refused',
      hint: 'Run `git status` there; git says what to do.',
    });
  }
  throw new CliError(`No git repository at ${repository.root}.`, {
    code: 'no_git_repository',
    hint: 'Change into the repository, name it with --repo-root, or make one with `git init`.',
  });
}

/** The folder of all link state of a repository. */
export function linkFolder(repository: LinkableRepository): string {
  return join(repository.gitDir, 'orp', 'link');
}

export function projectLinkPath(repository: LinkableRepository): string {
  return join(linkFolder(repository), 'project.json');
}

export function sessionsFolder(repository: LinkableRepository): string {
  return join(linkFolder(repository), 'sessions');
}

/** The repository's copy of the machine record. */
export function repoRunnerPath(repository: LinkableRepository): string {
  return join(linkFolder(repository), 'runner.json');
}

export function runtimePath(repository: LinkableRepository): string {
  return join(linkFolder(repository), 'runtime.json');
}
