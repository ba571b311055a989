/** Finds the repository of a command. Runs git only if reading `.git` is not enough. */

import { join } from 'node:path';
import { CliError } from '../base/exit.ts';
import { firstLineOf } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import { resolvePath } from '../files/paths.ts';
import { type GitAnswer, git, gitAsInherited } from './git.ts';
import { findPlainGitDir } from './git-dir.ts';
import { repositoryVariables } from './git-variables.ts';

/** A folder, and its repository if it has one. */
export interface Repository {
  /** The folder: absolute, symlinks resolved. It may be a subdirectory of the repository. */
  root: string;
  /** The folder in which the link state is stored. Absent outside a git work tree. */
  gitDir?: string;
  /** `git` is not installed. */
  isGitMissing: boolean;
  /** The refusal of git, if it is more than "not a repository": the folder of another user, for example. */
  gitSays?: string;
}

/** A repository that can hold link state. */
export type LinkableRepository = Repository & { gitDir: string };

/** Inspects an explicitly named folder, with at most one git process. Ignores git's environment variables. */
export async function resolveRepo(folder: string, env: NodeJS.ProcessEnv): Promise<Repository> {
  const root = resolvePath(process.cwd(), folder);
  const plain = findPlainGitDir(root, env);
  if (plain !== undefined) return { root, gitDir: resolvePath(root, plain), isGitMissing: false };
  return readAnswer(root, await git(root, env, ...WHICH_REPOSITORY));
}

/**
 * Inspects the current directory. git sets variables for its hooks that may name another repository; only the user knows which
 * of the two is meant.
 */
export async function resolveRepoHere(folder: string, env: NodeJS.ProcessEnv): Promise<Repository> {
  const here = await resolveRepo(folder, env);
  const names = repositoryVariables(env);
  if (names.length === 0) return here;
  const inherited = readAnswer(here.root, await gitAsInherited(here.root, env, ...WHICH_REPOSITORY));
  if (inherited.gitDir === here.gitDir) return here;
  const variables = names.sort().join(' and ');
  throw new CliError(
    `git uses ${nameOf(inherited)} because of ${variables} in the environment, but the current directory ${here.root} is in ${nameOf(here)}.`,
    {
      code: 'repository_conflict',
      hint: `Pass --repo-root, for example \`orp --repo-root ${shellWord(here.root)} …\`, or unset ${variables}.`,
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

/** Returns whether the repository can store link state. */
export function isLinkable(repository: Repository): repository is LinkableRepository {
  return repository.gitDir !== undefined;
}

/** Throws unless the folder is in a git repository. */
export function requireGit(repository: Repository): LinkableRepository {
  if (isLinkable(repository)) return repository;
  if (repository.isGitMissing) {
    throw new CliError('git was not found.', { code: 'no_git', hint: 'Install git and put it on the PATH.' });
  }
  if (repository.gitSays !== undefined) {
    throw new CliError(`git refuses to work in ${repository.root}: ${firstLineOf(repository.gitSays)}.`, {
      code: 'git_refused',
      hint: 'Run `git status` there and follow its advice.',
    });
  }
  throw new CliError(`No git repository at ${repository.root}.`, {
    code: 'no_git_repository',
    hint: 'Change to the repository, pass --repo-root, or run `git init`.',
  });
}

/** The folder of a repository's link state. */
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
