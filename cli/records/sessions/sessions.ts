/** The sessions of a repository, each in its own file under `LINK/sessions`. After every change, one session is primary. */

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compareSessions, withOnePrimary } from '../../../spec/local/session-order.ts';
import { LINK_SOURCES } from '../../../spec/local/vocabulary.ts';
import { CliError } from '../../base/exit.ts';
import { formatJson, isMissing, readJsonFile, readText, writeJsonFile } from '../../files/json-file.ts';
import { withLock } from '../../files/lock.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import { type LinkableRepository, linkFolder, sessionsFolder } from '../../git/repository.ts';
import { normaliseSession, type SessionRecord, storedRecord } from './session-record.ts';

/** A session and the path of its file. */
export interface StoredSession {
  record: SessionRecord;
  path: string;
}

/** All session files of a repository: the valid sessions in list order, and the paths of invalid files. */
export interface SessionShelf {
  sessions: StoredSession[];
  invalidPaths: string[];
}

/** Reads every `*.json` of the folder, whatever its name. */
export function readSessions(repository: LinkableRepository, now: number): SessionShelf {
  const sessions: StoredSession[] = [];
  const invalidPaths: string[] = [];
  for (const name of sessionFileNames(repository)) {
    const path = join(sessionsFolder(repository), name);
    const file = readJsonFile(path);
    if (file.kind === 'absent') continue;
    const record =
      file.kind === 'read' ? normaliseSession(file.value, { root: repository.root, now }) : undefined;
    if (record === undefined) invalidPaths.push(path);
    else sessions.push({ record, path });
  }
  sessions.sort((a, b) => compareSessions(a.record, b.record));
  return { sessions, invalidPaths };
}

function sessionFileNames(repository: LinkableRepository): string[] {
  try {
    return readdirSync(sessionsFolder(repository))
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The path of a session's file. */
export function sessionPath(repository: LinkableRepository, sessionId: string): string {
  return join(sessionsFolder(repository), sessionFileName(sessionId));
}

/** The session with this id, or undefined. */
export function findSession(
  sessions: readonly StoredSession[],
  sessionId: string,
): StoredSession | undefined {
  const id = sessionId.trim();
  const found = sessions.filter((session) => session.record.orp_session_id === id);
  return found.find((session) => basename(session.path) === sessionFileName(id)) ?? found[0];
}

/** Returns the session with this id. Throws if no session has this id, or if its file cannot be read. */
export function requireSession(
  repository: LinkableRepository,
  sessions: readonly StoredSession[],
  sessionId: string,
): StoredSession {
  const found = findSession(sessions, sessionId) ?? findByPrefix(sessions, sessionId.trim());
  if (found !== undefined) return found;
  const path = sessionPath(repository, sessionId);
  if (existsSync(path)) throw invalidSession(path);
  throw new CliError(`There is no linked session ${JSON.stringify(sessionId.trim())} in this repository.`, {
    code: 'unknown_session',
    hint: '`orp link session list` shows the linked sessions.',
  });
}

/** Returns the session whose id starts with the prefix. Throws an error that lists the sessions if there are several. */
function findByPrefix(sessions: readonly StoredSession[], prefix: string): StoredSession | undefined {
  if (prefix === '') return undefined;
  const found = sessions.filter(({ record }) => record.orp_session_id.startsWith(prefix));
  if (found.length <= 1) return found[0];
  throw new CliError(`Several sessions begin with ${JSON.stringify(prefix)}.`, {
    code: 'ambiguous_id',
    hint: `Give more of the id: ${found.map(({ record }) => record.orp_session_id).join(', ')}.`,
  });
}

/** The error for an invalid session file. The file stays in place, because only a person knows which session it was. */
export function invalidSession(path: string): CliError {
  return new CliError(`Could not read the session file ${path}: it is not a valid record.`, {
    code: 'torn_state',
    hint: 'Register that session again with `orp link session register`, or move the file away.',
  });
}

/** Returns the changed sessions. If a session is missing from the result, its file is removed. */
export type SessionChange = (sessions: readonly StoredSession[]) => readonly StoredSession[];

/** Changes sessions under the lock, then marks exactly one session as primary. Returns the sessions in list order. */
export function updateSessions(
  repository: LinkableRepository,
  now: number,
  change: SessionChange,
): Promise<StoredSession[]> {
  return withLock(linkFolder(repository), () => {
    const before = readSessions(repository, now).sessions;
    const after = rebalance(change(before));
    for (const session of after) writeSession(session, now);
    const kept = new Set(after.map((session) => session.path));
    for (const { path } of before) if (!kept.has(path)) rmSync(path, { force: true });
    return after;
  });
}

function rebalance(sessions: readonly StoredSession[]): StoredSession[] {
  const records = withOnePrimary(sessions.map((session) => session.record));
  return sessions
    .map((session, index) => ({ path: session.path, record: records[index] ?? session.record }))
    .sort((a, b) => compareSessions(a.record, b.record));
}

/** Does not write a file whose contents stay the same, so that its modification time stays meaningful. */
function writeSession(session: StoredSession, now: number): void {
  const source = LINK_SOURCES.find((known) => known === session.record.source) ?? 'cli';
  const record = storedRecord('source' in session.record ? { ...session.record, source } : session.record);
  if (readText(session.path) !== formatJson(record)) writeJsonFile(session.path, record, { now });
}

/** Returns the primary session, which takes the jobs that name no session. */
export function primaryOf(sessions: readonly StoredSession[]): StoredSession | undefined {
  return sessions.find((session) => session.record.primary);
}

/** Records that a session was just active. Ignores an unknown session, because it may have been removed in the meantime. */
export async function touchSession(
  repository: LinkableRepository,
  sessionId: string,
  at: number,
): Promise<StoredSession | undefined> {
  const sessions = await updateSessions(repository, at, (sessions) =>
    sessions.map((session) =>
      session.record.orp_session_id === sessionId.trim()
        ? { ...session, record: { ...session.record, last_active_at_utc: formatTimestamp(at) } }
        : session,
    ),
  );
  return findSession(sessions, sessionId);
}

/** `s/1 weird:id` → `s_1_weird_id-b2f852913013.json`. The result is never a path, whatever the id contains. */
export function sessionFileName(sessionId: string): string {
  const id = sessionId.trim();
  const cleaned = id.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  // Loaded only when a file name is needed: most commands only list the existing files.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const digest = createHash('sha1').update(id, 'utf8').digest('hex').slice(0, 12);
  return `${cleaned === '' ? 'session' : cleaned}-${digest}.json`;
}
