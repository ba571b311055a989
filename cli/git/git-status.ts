/**
 * `git status` of an untrusted repository. git runs the filters in the repository's settings to compare files, so they are
 * disabled; the user's own filters, such as Git LFS, keep working. Submodules have their own settings, so only their commits
 * are compared.
 */

import { git, gitText } from './git.ts';
import { readPlainConfig } from './git-dir.ts';
import type { LinkableRepository } from './repository.ts';

/** Names that `-c` supports: it ends the name at the first `=`. */
const PLAIN_NAME = /^[\w.-]+$/;

/** The status in format v2, separated by NUL. Undefined if git fails or would have to run the repository's programs. */
export async function statusText(
  repository: LinkableRepository,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const filters = await findFilters(repository, env);
  if (filters === undefined || !filters.every((name) => PLAIN_NAME.test(name))) return undefined;
  const settings = filters.flatMap((name) => [
    '-c',
    `filter.${name}.clean=`,
    '-c',
    `filter.${name}.process=`,
    '-c',
    `filter.${name}.required=false`,
  ]);
  const words = ['status', '--porcelain=v2', '--branch', '-z', '--ignore-submodules=dirty'];
  return gitText(repository.root, env, ...settings, ...words);
}

/** Returns the names of the filters that the repository defines, or undefined if they are unknown. */
async function findFilters(
  { root, gitDir }: LinkableRepository,
  env: NodeJS.ProcessEnv,
): Promise<string[] | undefined> {
  const config = readPlainConfig(gitDir);
  if (config !== undefined && !/^\s*\[\s*filter/im.test(config)) return [];
  const answer = await git(root, env, 'config', '--list', '--show-scope', '--name-only', '-z');
  if (answer.kind !== 'ok') return undefined;
  const words = answer.text.split('\0');
  const names = new Set<string>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = /^filter\.(.*)\.[^.]+$/s.exec(words[at + 1] ?? '')?.[1];
    const isOfRepository = words[at] === 'local' || words[at] === 'worktree';
    if (name !== undefined && isOfRepository) names.add(name);
  }
  return [...names];
}
