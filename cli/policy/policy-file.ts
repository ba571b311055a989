/** Reads `policy.json`. What cannot be obeyed to the letter is not obeyed halfway: it is broken, and says where. */

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

/** Something that is wrong with the file. */
export interface PolicyProblem {
  /** As `quiet_hours[0].from`; blank when it is the file as a whole. */
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

/** Reads it anew: a change counts from the next job on, without a restart. */
export function readPolicyFile(env: NodeJS.ProcessEnv): PolicyFile {
  const path = policyPath(env);
  try {
    const { text, file } = readOpen(path);
    if (text === undefined) return broken(path, 'it is no ordinary file');
    const danger = dangerOf(path, file);
    return danger === undefined ? parsePolicy(path, text) : broken(path, danger);
  } catch (error) {
    if (isAbsent(path)) return absent(path);
    return broken(path, `it cannot be read: ${messageOf(error)}`);
  }
}

/** What is read and what is looked at is one file, also when another one takes its place meanwhile. */
function readOpen(path: string): { text: string | undefined; file: Stats } {
  // A pipe that nobody writes to would hold the runner up for ever.
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const file = fstatSync(handle);
    return { text: file.isFile() ? readFileSync(handle, 'utf8') : undefined, file };
  } finally {
    closeSync(handle);
  }
}

/** How others could put another policy in its place: in the file, beside the symlink to it, or where that leads. */
function dangerOf(path: string, file: Stats): string | undefined {
  const realFolder = dirname(realpathSync(path));
  return dangerOfPlaces([
    { at: path, stats: file },
    ...folderPlace(dirname(path)),
    { at: realFolder, stats: withoutSticky(statSync(realFolder)) },
  ]);
}

/** No policy allows everything, so a folder in which others may take the policy away is as bad as a file that they may write. */
function absent(path: string): PolicyFile {
  const danger = dangerOfPlaces(folderPlace(dirname(path)));
  return danger === undefined ? { kind: 'absent', path } : broken(path, danger);
}

interface Place {
  at: string;
  stats: Pick<Stats, 'uid' | 'mode'>;
}

/** Nothing where there is no such folder: then there is no sign-in either, and nothing runs. */
function folderPlace(at: string): Place[] {
  const stats = statSync(at, { throwIfNoEntry: false });
  return stats === undefined ? [] : [{ at, stats }];
}

function dangerOfPlaces(places: readonly Place[]): string | undefined {
  for (const { at, stats } of places) {
    const reach = reachOfOthers(stats, { uid: process.getuid?.(), platform: process.platform });
    if (reach === 'owner') return `${at} belongs to another user of this computer (uid ${stats.uid})`;
    if (reach === 'mode') {
      return `other users of this computer may write ${at}; run \`chmod go-w ${shellWord(at)}\``;
    }
  }
  return undefined;
}

/** In a sticky folder, as the store of Nix on a Mac, nobody replaces what belongs to this user or root. */
function withoutSticky({ uid, mode }: Stats): Pick<Stats, 'uid' | 'mode'> {
  return { uid, mode: (mode & 0o1000) === 0 ? mode : mode & ~0o022 };
}

/** A policy that cannot be reached forbids everything: it was somebody's, and nobody knows what it said. */
function isAbsent(path: string): boolean {
  try {
    return isNowhere(path);
  } catch {
    // The folder may not be looked into.
    return false;
  }
}

/** What a broken file means, in one sentence. */
export function describeBroken(path: string, problems: readonly PolicyProblem[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const where = first === undefined || first.field === '' ? '' : `${first.field}: `;
  return `The policy ${path} cannot be obeyed, so no job may run: ${where}${first?.message ?? 'it is broken'}${more}.`;
}

function parsePolicy(path: string, text: string): PolicyFile {
  let value: unknown;
  try {
    // Some editors begin a file with a mark of its encoding.
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
    // A misspelt key would silently allow what its author meant to forbid.
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), message: UNKNOWN_KEY }))
      : [{ field: fieldOf(issue.path), message: issueWords(issue) }],
  );
  return { kind: 'broken', path, problems };
}

const REPEATED_KEY = 'it is written twice; it is unclear which one applies';
const UNKNOWN_KEY = 'this version of orp does not know this rule';

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

/** Symlinks are resolved up to the first name with a wildcard: that is how the paths of repositories look. */
function realPattern(pattern: string): string {
  const names = pattern.split('/');
  const wild = names.findIndex((name) => /[*?]/.test(name));
  if (wild === -1) return resolvePath('/', pattern);
  const fixed = resolvePath('/', names.slice(0, wild).join('/') || '/');
  return [fixed === '/' ? '' : fixed, ...names.slice(wild)].join('/');
}

/** A string, with the colon that makes it a key; or where an object begins and ends. */
const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g;

/** The first key that stands twice in one object of a valid JSON text. */
export /** `JSON.parse` keeps the last of two equal keys and reports nothing, so the first one is looked for here. */
function repeatedKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [part, string, colon] of json.matchAll(PARTS)) {
    if (part === '{') objects.push(new Set());
    else if (part === '}') objects.pop();
    else if (string !== undefined && colon !== undefined) {
      // Read, because a letter may be written as its code.
      const key = String(JSON.parse(string));
      const keys = objects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
