/** Reads `policy.json`. A file that is not fully valid is rejected, with the location of each problem. */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { issueWords } from '../../spec/issue-words.ts';
import { type Policy, policySchema } from '../../spec/local/policy.ts';
import { messageOf } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { isNowhere } from '../files/missing-file.ts';
import { resolvePath, userFolder } from '../files/paths.ts';
import { reachOfOthers } from '../files/private-folder.ts';

/** A problem with the file. */
export interface PolicyProblem {
  /** The field with the problem, for example `quiet_hours[0].from`. Empty if the problem is the entire file. */
  field: string;
  message: string;
}

export type PolicyFile = { path: string } & (
  | { kind: 'absent' }
  | { kind: 'valid'; policy: Policy }
  | { kind: 'broken'; problems: PolicyProblem[] }
);

/** The policy of this user on this machine. */
export function policyPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'policy.json');
}

/** Reads the file. Called for each job, so that changes need no restart. */
export function readPolicyFile(env: NodeJS.ProcessEnv): PolicyFile {
  const path = policyPath(env);
  try {
    const { text, file } = readOpen(path);
    if (text === undefined) return broken(path, 'it is not a regular file');
    const danger = dangerOf(path, file);
    return danger === undefined ? parsePolicy(path, text) : broken(path, danger);
  } catch (error) {
    if (isAbsent(path)) return absent(path);
    return broken(path, `could not read it: ${messageOf(error)}`);
  }
}

/** Reads and checks the same open file, even if another file replaces it in the meantime. */
function readOpen(path: string): { text: string | undefined; file: Stats } {
  // Opening a pipe without a writer would block forever.
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const file = fstatSync(handle);
    return { text: file.isFile() ? readFileSync(handle, 'utf8') : undefined, file };
  } finally {
    closeSync(handle);
  }
}

/** How another user could change the policy: in the file, or in the folder of the file or of a symlink to it. */
function dangerOf(path: string, file: Stats): string | undefined {
  const realFolder = dirname(realpathSync(path));
  return dangerOfPlaces([
    { at: path, stats: file },
    ...folderPlace(dirname(path)),
    { at: realFolder, stats: withoutSticky(statSync(realFolder)) },
    ...placesAbove(realFolder),
  ]);
}

/** Without a policy everything is allowed, so a writable folder is as dangerous as a writable file. */
function absent(path: string): PolicyFile {
  const danger = dangerOfPlaces(folderPlace(dirname(path)));
  return danger === undefined ? { kind: 'absent', path } : broken(path, danger);
}

interface Place {
  at: string;
  stats: Pick<Stats, 'uid' | 'mode'>;
}

/** Checks the folder and its parents, because a user who can write to a parent can replace the folder. */
function folderPlace(at: string): Place[] {
  const stats = statSync(at, { throwIfNoEntry: false });
  return [...(stats === undefined ? [] : [{ at, stats }]), ...placesAbove(at)];
}

/** Ignores the owner of the parents, because home folders are often inside folders of administrators or file servers. */
function placesAbove(at: string): Place[] {
  const folder = dirname(at);
  if (folder === at) return [];
  const stats = statSync(folder, { throwIfNoEntry: false });
  const own = stats && { uid: process.getuid?.() ?? 0, mode: withoutSticky(stats).mode };
  return [...(own === undefined ? [] : [{ at: folder, stats: own }]), ...placesAbove(folder)];
}

function dangerOfPlaces(places: readonly Place[]): string | undefined {
  for (const { at, stats } of places) {
    const reach = reachOfOthers(stats, { uid: process.getuid?.(), platform: process.platform });
    if (reach === 'owner') return `${at} belongs to another user of this computer (uid ${stats.uid})`;
    if (reach === 'mode') {
      return `other users of this computer can write to ${at}; run \`chmod go-w ${shellWord(at)}\``;
    }
  }
  return undefined;
}

/** In a sticky folder, such as the Nix store on a Mac, other users cannot replace files of this user or root. */
function withoutSticky({ uid, mode }: Stats): Pick<Stats, 'uid' | 'mode'> {
  return { uid, mode: (mode & 0o1000) === 0 ? mode : mode & ~0o022 };
}

/** An unreachable policy forbids everything, because its rules are unknown. */
function isAbsent(path: string): boolean {
  try {
    return isNowhere(path);
  } catch {
    // The folder is not readable.
    return false;
  }
}

/** A sentence about an invalid file. */
export function describeBroken(path: string, problems: readonly PolicyProblem[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const where = first === undefined || first.field === '' ? '' : `${first.field}: `;
  return `The policy ${path} is invalid, so no job may run: ${where}${first?.message ?? 'it is invalid'}${more}.`;
}

function parsePolicy(path: string, text: string): PolicyFile {
  let value: unknown;
  try {
    // Some editors start files with a byte order mark.
    const json = text.replace(/^\ufeff/, '');
    value = JSON.parse(json);
    const field = repeatedKey(json);
    if (field !== undefined) return { kind: 'broken', path, problems: [{ field, message: REPEATED_KEY }] };
  } catch (error) {
    return broken(path, `it is not JSON: ${messageOf(error)}`);
  }
  const parsed = policySchema.safeParse(value, { reportInput: true });
  if (parsed.success) return { kind: 'valid', path, policy: withRealPaths(parsed.data) };
  const problems = parsed.error.issues.flatMap((issue) =>
    // A misspelled key would silently allow what its author wanted to forbid.
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), message: UNKNOWN_KEY }))
      : [{ field: fieldOf(issue.path), message: issueWords(issue) }],
  );
  return { kind: 'broken', path, problems };
}

const REPEATED_KEY = 'it is written twice; it is unclear which one applies';
const UNKNOWN_KEY = 'this version of orp has no such rule';

function broken(path: string, message: string): PolicyFile {
  return { kind: 'broken', path, problems: [{ field: '', message }] };
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((field, part) => {
    if (typeof part === 'number') return `${field}[${part}]`;
    return field === '' ? String(part) : `${field}.${String(part)}`;
  }, '');
}

function withRealPaths(policy: Policy): Policy {
  if (policy.repositories === undefined) return policy;
  return { ...policy, repositories: policy.repositories.map(realPattern) };
}

/** Resolves symlinks up to the first wildcard, to match the resolved paths of repositories. */
function realPattern(pattern: string): string {
  const names = pattern.split('/');
  const wild = names.findIndex((name) => /[*?]/.test(name));
  if (wild === -1) return resolvePath('/', pattern);
  const fixed = resolvePath('/', names.slice(0, wild).join('/') || '/');
  return [fixed === '/' ? '' : fixed, ...names.slice(wild)].join('/');
}

/** A string, with a colon if it is a key, or the start or end of an object. */
const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g;

/** The first key that appears twice in one object of a valid JSON text. */
export /** `JSON.parse` silently keeps the last of two equal keys. */
function repeatedKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [part, string, colon] of json.matchAll(PARTS)) {
    if (part === '{') objects.push(new Set());
    else if (part === '}') objects.pop();
    else if (string !== undefined && colon !== undefined) {
      // Decoded, because letters may be escaped.
      const key = String(JSON.parse(string));
      const keys = objects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
