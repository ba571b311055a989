/** Reads `policy.json`. What cannot be obeyed to the letter is not obeyed halfway: it is broken, and says where. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Policy, policySchema } from '../../spec/local/policy.ts';
import { messageOf } from '../exit.ts';
import { isNowhere } from '../link/missing-file.ts';
import { resolvePath, userFolder } from '../link/paths.ts';

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
    const text = readFileSync(path, 'utf8');
    const others = statSync(path).mode & 0o002;
    if (others !== 0) {
      return broken(path, `every user of this computer may write it; run \`chmod o-w ${path}\``);
    }
    return parsePolicy(path, text);
  } catch (error) {
    if (isAbsent(path)) return { kind: 'absent', path };
    return broken(path, `it cannot be read: ${messageOf(error)}`);
  }
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
    value = JSON.parse(text);
  } catch (error) {
    return broken(path, `it is not JSON: ${messageOf(error)}`);
  }
  const parsed = policySchema.safeParse(value);
  if (parsed.success) return { kind: 'valid', path, policy: withRealPaths(parsed.data) };
  const problems = parsed.error.issues.flatMap((issue) =>
    // A misspelt key would silently allow what its author meant to forbid.
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), message: UNKNOWN_KEY }))
      : [{ field: fieldOf(issue.path), message: plain(issue.message) }],
  );
  return { kind: 'broken', path, problems };
}

const UNKNOWN_KEY = 'this version of orp does not know this rule';

function broken(path: string, message: string): PolicyFile {
  return { kind: 'broken', path, problems: [{ field: '', message }] };
}

/** The words of the schema library, without its manner. */
function plain(message: string): string {
  return message
    .replace(/^Invalid input: expected /, 'must be ')
    .replace(/, received undefined$/, ', and is missing')
    .replace(/, received /, ', not ')
    .replace(/^Invalid option: expected one of /, 'must be one of ')
    .replace(/^Invalid string: /, '')
    .replace(/\|(?=")/g, ', ');
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
