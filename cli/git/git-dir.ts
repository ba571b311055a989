/**
 * Finds the git dir of a folder without running git, which would take half as long as starting `orp`. It handles only simple
 * cases. The rest (git environment variables, files of another user, bare repositories, submodules, other file systems,
 * included settings) is left to git.
 */

import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Variables that change what git trusts. Variables that name a repository are removed before git runs. */
const TRUST_VARIABLES = ['GIT_CONFIG_COUNT', 'GIT_TEST_ASSUME_DIFFERENT_OWNER'];

/** Settings that may move the work tree, change the format or include another file. */
const SPECIAL_SETTINGS =
  /^\s*(worktree|bare\s*=\s*(true|yes|on|1)|bare\s*$|repositoryformatversion\s*=\s*[^0\s])|^\s*\[\s*(include|extensions)/im;
/** A section, a setting without quotes and continuations, a comment, or an empty line. */
const PLAIN_LINE = /^\s*(\[[\w.-]+( "[^"\\]+")?\]|[a-z][a-z0-9-]*(\s*=[^"\\]*)?|[#;].*)?\s*$/i;

/** The git dir of the work tree around a folder. Undefined means that git must decide. */
export function findPlainGitDir(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  if (TRUST_VARIABLES.some((name) => env[name] !== undefined)) return undefined;
  const start = statOf(folder);
  if (start === undefined) return undefined;
  for (let at = folder; ; at = dirname(at)) {
    // Inside a git dir or a bare repository.
    if (isGitDir(at)) return undefined;
    const here = statOf(at);
    if (here === undefined || here.dev !== start.dev) return undefined;
    const entry = statOf(join(at, '.git'));
    if (entry !== undefined)
      return isOwn(here) && isOwn(entry) ? readEntry(join(at, '.git'), entry) : undefined;
    if (dirname(at) === at) return undefined;
  }
}

/** The settings that all work trees share, if they are in one simple file. Undefined means that git must decide. */
export function readPlainConfig(gitDir: string): string | undefined {
  const common = commonDir(gitDir);
  const config = readFile(join(common, 'config'));
  if (config === undefined || SPECIAL_SETTINGS.test(config)) return undefined;
  return config.split('\n').every((line) => PLAIN_LINE.test(line)) ? config : undefined;
}

function readEntry(path: string, entry: Stats): string | undefined {
  const gitDir = entry.isDirectory() ? path : linkedGitDir(path);
  if (gitDir === undefined) return undefined;
  const found = statOf(gitDir);
  if (found === undefined || !isOwn(found) || !isGitDir(gitDir)) return undefined;
  return readPlainConfig(gitDir) === undefined ? undefined : gitDir;
}

/** In a linked work tree, `.git` is a file: `gitdir: <path>`. */
function linkedGitDir(path: string): string | undefined {
  const target = /^gitdir: (.+?)\n*$/.exec(readFile(path) ?? '')?.[1];
  return target === undefined ? undefined : resolve(dirname(path), target);
}

function commonDir(gitDir: string): string {
  return resolve(gitDir, readFile(join(gitDir, 'commondir'))?.trim() ?? '.');
}

/** Checks the same entries as git. */
function isGitDir(path: string): boolean {
  if (statOf(join(path, 'HEAD')) === undefined) return false;
  const common = commonDir(path);
  return (
    statOf(join(common, 'objects'))?.isDirectory() === true &&
    statOf(join(common, 'refs'))?.isDirectory() === true
  );
}

function isOwn(stats: Stats): boolean {
  return stats.uid === process.geteuid?.();
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // This is not a folder, or there is no permission. git explains the problem better.
    return undefined;
  }
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Missing or unreadable.
    return undefined;
  }
}
