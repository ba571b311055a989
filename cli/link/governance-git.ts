/** The git side of the governance report, with four git processes at once. Only shown; nothing depends on it. */

import { gitText } from './git.ts';
import { githubRepository, stripCredentials } from './git-remote.ts';

/** Commits looked at for the last `checkpoint:` subject: a whole history may be huge. */
const CHECKPOINT_SEARCH_COMMITS = 200;

export interface GitFacts {
  branch: string;
  commit: string;
  hasCommits: boolean;
  dirtyPaths: string[];
  /** Address of `origin`, else of the first remote; without credentials. */
  remoteUrl: string;
  remoteName: string;
  upstream: string;
  ahead: number | null;
  behind: number | null;
  remoteDefaultBranch: string;
  /** When the newest `checkpoint:` commit was made, epoch ms. */
  lastCheckpointAt: number | undefined;
}

/** Asks git for everything the report shows. */
export async function readGitFacts(root: string, env: NodeJS.ProcessEnv): Promise<GitFacts> {
  const [status = '', config = '', log = '', heads = ''] = await Promise.all([
    gitText(root, env, 'status', '--porcelain=v2', '--branch', '-z'),
    gitText(root, env, 'config', '--get-regexp', '^remote\\..*\\.url$'),
    gitText(root, env, 'log', `-n${CHECKPOINT_SEARCH_COMMITS}`, '--format=%ct%x09%s'),
    gitText(root, env, 'for-each-ref', '--format=%(refname)%09%(symref)', 'refs/remotes/*/HEAD'),
  ]);
  const remotes = readRemotes(config);
  const remoteName = remotes.has('origin') ? 'origin' : ([...remotes.keys()][0] ?? '');
  const remoteUrl = remotes.get(remoteName) ?? '';
  return {
    ...readStatus(status),
    remoteUrl,
    remoteName,
    remoteDefaultBranch: readRemoteHead(heads, remoteName),
    lastCheckpointAt: readLastCheckpoint(log),
  };
}

/** `owner/name` of the remote when it is at GitHub. */
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
    // A renamed entry is followed by the path it had before.
    if (entry.startsWith('2 ')) index += 1;
  }
  return facts;
}

function readAheadBehind(value: string): { ahead: number; behind: number } | undefined {
  const match = /^\+(\d+) -(\d+)$/.exec(value);
  return match === null ? undefined : { ahead: Number(match[1]), behind: Number(match[2]) };
}

/** The path is what follows the fixed number of fields of each kind of entry. */
function dirtyPath(entry: string): string {
  const fields = { '1': 8, '2': 9, u: 10 }[entry.charAt(0)] ?? 1;
  return entry.split(' ').slice(fields).join(' ');
}

function readRemoteHead(heads: string, remoteName: string): string {
  const prefix = `refs/remotes/${remoteName}/`;
  for (const line of heads.split('\n')) {
    const [name, target = ''] = line.split('\t');
    if (name === `${prefix}HEAD` && target.startsWith(prefix)) return target.slice(prefix.length);
  }
  return '';
}

function readLastCheckpoint(log: string): number | undefined {
  for (const line of log.split('\n')) {
    const [, seconds, subject] = /^(\d+)\t(.*)$/.exec(line) ?? [];
    if (subject?.startsWith('checkpoint:')) return Number(seconds) * 1000;
  }
  return undefined;
}
