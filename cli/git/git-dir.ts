/**
 * Finds the git dir of a folder without asking git: a process costs as much as half a start of `orp`. Only what is plain
 * is answered here. Everything else (an environment that speaks to git, files of another user, a bare repository, a
 * submodule, another file system, settings that include others) is left to git, which knows its own rules.
 */

import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Variables that change what git trusts; those that name a repository are left out when git is asked. */
const TRUST_VARIABLES = ['GIT_CONFIG_COUNT', 'GIT_TEST_ASSUME_DIFFERENT_OWNER'];

/** Settings that may move the work tree, change the format, or stand in another file. */
const SPECIAL_SETTINGS =
  /^\s*(worktree|bare\s*=\s*(true|yes|on|1)|bare\s*$|repositoryformatversion\s*=\s*[^0\s])|^\s*\[\s*(include|extensions)/im;
/** A section, a setting without quotes and continuations, a remark, or nothing. */
const PLAIN_LINE = /^\s*(\[[\w.-]+( "[^"\\]+")?\]|[a-z][a-z0-9-]*(\s*=[^"\\]*)?|[#;].*)?\s*$/i;

/** The git dir of the work tree around a folder; undefined: ask git. */
export function findPlainGitDir(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  if (TRUST_VARIABLES.some((name) => env[name] !== undefined)) return undefined;
  const start = statOf(folder);
  if (start === undefined) return undefined;
  for (let at = folder; ; at = dirname(at)) {
    // Inside of a git dir, or of a bare repository.
    if (isGitDir(at)) return undefined;
    const here = statOf(at);
    if (here === undefined || here.dev !== start.dev) return undefined;
    const entry = statOf(join(at, '.git'));
    if (entry !== undefined)
      return isOwn(here) && isOwn(entry) ? readEntry(join(at, '.git'), entry) : undefined;
    if (dirname(at) === at) return undefined;
  }
}

/** The text of the settings that all work trees share, when they stand in one plain file; undefined: ask git. */
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

/** A linked work tree has a file in the place of the folder: `gitdir: <path>`. */
function linkedGitDir(path: string): string | undefined {
  const target = /^gitdir: (.+?)\n*$/.exec(readFile(path) ?? '')?.[1];
  return target === undefined ? undefined : resolve(dirname(path), target);
}

function commonDir(gitDir: string): string {
  return resolve(gitDir, readFile(join(gitDir, 'commondir'))?.trim() ?? '.');
}

/** What git itself looks for. */
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
    // Not a folder on the way, or no permission: git says it better.
    return undefined;
  }
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not there, or not readable.
    return undefined;
  }
}
