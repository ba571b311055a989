/** The git facts of the governance report, for display only. Uses a single git process where possible. */

import { join, resolve } from 'node:path';
import { readText } from '../files/json-file.ts';
import { gitText } from '../git/git.ts';
import { readPlainConfig } from '../git/git-dir.ts';
import { githubRepository, stripCredentials } from '../git/git-remote.ts';
import { statusText } from '../git/git-status.ts';
import type { LinkableRepository } from '../git/repository.ts';

/** Number of commits to search for a `checkpoint:` subject. A full history may be huge. */
const CHECKPOINT_SEARCH_COMMITS = 200;

export interface GitFacts {
  branch: string;
  commit: string;
  hasCommits: boolean;
  dirtyPaths: string[];
  /** URL of `origin` or of the first remote, without credentials. */
  remoteUrl: string;
  remoteName: string;
  upstream: string;
  ahead: number | null;
  behind: number | null;
  remoteDefaultBranch: string;
}

/** Reads the git facts of the report. */
export async function readGitFacts(
  repository: LinkableRepository,
  env: NodeJS.ProcessEnv,
): Promise<GitFacts> {
  const { gitDir } = repository;
  const [status = '', config = ''] = await Promise.all([
    statusText(repository, env),
    readConfig(repository, env),
  ]);
  const remotes = readRemotes(config);
  const remoteName = remotes.has('origin') ? 'origin' : ([...remotes.keys()][0] ?? '');
  return {
    ...readStatus(status),
    remoteUrl: remotes.get(remoteName) ?? '',
    remoteName,
    remoteDefaultBranch: readRemoteHead(gitDir, remoteName),
  };
}

/** `remote.<name>.url <url>` lines, as printed by `git config`. */
async function readConfig(
  { root, gitDir }: LinkableRepository,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const config = readPlainConfig(gitDir);
  if (config === undefined) {
    return gitText(root, env, 'config', '--get-regexp', '^remote\\..*\\.url$');
  }
  let section = '';
  const lines: string[] = [];
  for (const line of config.split('\n')) {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const remote = /^remote "(.+)"$/.exec(section)?.[1];
    const url = /^\s*url\s*=\s*([^#;]*?)\s*$/i.exec(line)?.[1];
    if (remote !== undefined && url !== undefined) lines.push(`remote.${remote}.url ${url}`);
  }
  return lines.join('\n');
}

/** Time of the newest `checkpoint:` commit, epoch ms. Searches recent commits only. */
export async function lastCheckpointAt(root: string, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const log = await gitText(root, env, 'log', `-n${CHECKPOINT_SEARCH_COMMITS}`, '--format=%ct%x09%s');
  for (const line of (log ?? '').split('\n')) {
    const [, seconds, subject] = /^(\d+)\t(.*)$/.exec(line) ?? [];
    if (subject?.startsWith('checkpoint:')) return Number(seconds) * 1000;
  }
  return undefined;
}

/** `owner/name` of a remote on GitHub. */
export function githubRepositoryOf(facts: GitFacts): string {
  return githubRepository(facts.remoteUrl) ?? '';
}

function readRemotes(config: string): Map<string, string> {
  const remotes = new Map<string, string>();
  for (const line of config.split('\n')) {
    const match = /^remote\.(.+)\.url (.+)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) remotes.set(match[1], stripCredentials(match[2]));
  }
  return remotes;
}

function readStatus(status: string) {
  const facts = {
    branch: '',
    commit: '',
    hasCommits: false,
    dirtyPaths: [] as string[],
    upstream: '',
    ahead: null as number | null,
    behind: null as number | null,
  };
  const entries = status.split('\0');
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] ?? '';
    const [, key, value = ''] = /^# branch\.(\S+) (.*)$/.exec(entry) ?? [];
    if (key === 'oid' && value !== '(initial)')
      Object.assign(facts, { commit: value.slice(0, 7), hasCommits: true });
    else if (key === 'head' && value !== '(detached)') facts.branch = value;
    else if (key === 'upstream') facts.upstream = value;
    else if (key === 'ab') Object.assign(facts, readAheadBehind(value));
    else if (key === undefined && entry !== '') facts.dirtyPaths.push(dirtyPath(entry));
    // A renamed entry is followed by its old path.
    if (entry.startsWith('2 ')) index += 1;
  }
  return facts;
}

function readAheadBehind(value: string): { ahead: number; behind: number } | undefined {
  const match = /^\+(\d+) -(\d+)$/.exec(value);
  return match === null ? undefined : { ahead: Number(match[1]), behind: Number(match[2]) };
}

/** The path follows a fixed number of fields, which depends on the kind of entry. */
function dirtyPath(entry: string): string {
  const fields = { '1': 8, '2': 9, u: 10 }[entry.charAt(0)] ?? 1;
  return entry.split(' ').slice(fields).join(' ');
}

/** Read from the git dir that all worktrees share: a small file is not worth a process. */
function readRemoteHead(gitDir: string, remoteName: string): string {
  const shared = resolve(gitDir, readText(join(gitDir, 'commondir'))?.trim() ?? '.');
  const head = remoteName === '' ? undefined : readText(join(shared, 'refs', 'remotes', remoteName, 'HEAD'));
  const prefix = `ref: refs/remotes/${remoteName}/`;
  return head?.startsWith(prefix) ? head.slice(prefix.length).trim() : '';
}
