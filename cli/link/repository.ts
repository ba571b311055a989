/** Which repository a command works in (contract/local-state.md §1.1). git itself is asked, once. */

import { join } from 'node:path';
import { CliError } from '../exit.ts';
import { git } from './git.ts';
import { resolvePath } from './paths.ts';

/** A folder, and the repository around it if there is one. */
export interface Repository {
  /** The folder itself: absolute, symlinks resolved. It stays a subdirectory when it is one. */
  root: string;
  /** Where the link state is kept; absent outside of a git work tree. */
  gitDir?: string;
  /** `git` is not installed. */
  isGitMissing: boolean;
}

/** A repository that can hold link state. */
export type LinkableRepository = Repository & { gitDir: string };

/** Looks at a folder with one git process. */
export async function resolveRepo(folder: string, env: NodeJS.ProcessEnv): Promise<Repository> {
  const root = resolvePath(process.cwd(), folder);
  const answer = await git(root, env, 'rev-parse', '--is-inside-work-tree', '--git-dir');
  if (answer.kind !== 'ok') return { root, isGitMissing: answer.kind === 'missing' };
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
  throw new CliError(`There is no git repository at ${repository.root}.`, {
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
