/**
 * `prepublishOnly`: refuses to publish changes that are not on the server. Runs in the current directory, before each `npm publish`, also
 * before a dry run. In order: a work tree of git, nothing changed, a version that the changelog describes, pushed commits.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { runScript, UsageError } from '../local/words.ts';

const SHOWN = 10;

function git(...args: string[]): { ok: boolean; output: string } {
  const done = spawnSync('git', args, { encoding: 'utf8' });
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}`.trimEnd() };
}

function requireCleanTree(): void {
  const inside = git('rev-parse', '--is-inside-work-tree');
  if (inside.output !== 'true')
    throw new UsageError('This is not a work tree of git.', 'Publish from a clone of the repository.');
  const status = git('status', '--short');
  if (!status.ok)
    throw new UsageError(`git status failed: ${status.output}`, 'Repair the clone, then publish.');
  const changed = status.output.split('\n').filter(Boolean);
  if (changed.length === 0) return;
  const rest = changed.length > SHOWN ? `\n  and ${changed.length - SHOWN} more` : '';
  throw new UsageError(
    `The work tree has changes that are not committed:\n  ${changed.slice(0, SHOWN).join('\n  ')}${rest}`,
    'Commit or remove them, then publish.',
  );
}

/** The changelog must have a section of this version with at least one line. */
function requireChangelog(): void {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const changelog = existsSync('CHANGELOG.md') ? readFileSync('CHANGELOG.md', 'utf8') : '';
  const [, after] = changelog.split(`\n## [${version}]`);
  const section = after?.split('\n').slice(1).join('\n').split(/\n## /)[0] ?? '';
  if (/^\s*[-*] \S/m.test(section)) return;
  throw new UsageError(
    `CHANGELOG.md has no section for version ${version}.`,
    `Rename the section "Unreleased" to "[${version}] - <date>", or set the version in package.json.`,
  );
}

/** A workflow publishes the commit of a tag, which is on the server already. */
function requirePushed(): void {
  if (process.env.GITHUB_ACTIONS === 'true') return;
  const found = git('branch', '-r', '--contains', 'HEAD');
  if (found.ok && found.output.trim() !== '') return;
  throw new UsageError(
    'No remote branch contains the current commit.',
    'Push it first, then publish. git fetch, if somebody else has pushed it.',
  );
}

function guard(): number {
  requireCleanTree();
  requireChangelog();
  requirePushed();
  return 0;
}

process.exitCode = (await runScript(guard)) === 0 ? 0 : 1;
