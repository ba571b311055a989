/** The rules about the order and the primary session of a repository. */

import type { LinkSession } from './link-session.ts';

/** The fields that the rules read. All records have them, no matter which program wrote them. */
export type RankedSession = Pick<
  LinkSession,
  'orp_session_id' | 'label' | 'state' | 'last_active_at_utc' | 'archived' | 'primary' | 'codex_session_id'
>;

/** The counts that `orp` prints as `session_counts`. */
export interface SessionCounts {
  total: number;
  /** The number of sessions that are active and not archived. */
  active: number;
  archived: number;
  /** The number of sessions that can take jobs, because they are active and have a Codex session id. */
  routeable: number;
  /** The number of sessions marked as primary. A healthy repository has at most one. */
  primary: number;
}

/** Returns whether a session is active and not archived. */
export function isActive(session: RankedSession): boolean {
  return !session.archived && session.state === 'active';
}

/** Returns whether a session can take jobs, because it is active and has a Codex session id. */
export function isRouteable<T extends RankedSession>(
  session: T,
): session is T & { codex_session_id: string } {
  return isActive(session) && (session.codex_session_id ?? '').trim() !== '';
}

/** Sorts sessions: primary first, then not archived, active, most recently active, and by label. */
export function compareSessions(a: RankedSession, b: RankedSession): number {
  return (
    Number(!a.primary) - Number(!b.primary) ||
    Number(a.archived) - Number(b.archived) ||
    Number(a.state !== 'active') - Number(b.state !== 'active') ||
    compareText(b.last_active_at_utc, a.last_active_at_utc) ||
    compareText(a.label.toLowerCase(), b.label.toLowerCase()) ||
    compareText(a.orp_session_id, b.orp_session_id)
  );
}

/** Returns a sorted copy of the list. */
export function sortSessions<T extends RankedSession>(sessions: readonly T[]): T[] {
  return [...sessions].sort(compareSessions);
}

/** Counts the sessions of a repository. */
export function countSessions(sessions: readonly RankedSession[]): SessionCounts {
  const count = (test: (session: RankedSession) => boolean): number => sessions.filter(test).length;
  return {
    total: sessions.length,
    active: count(isActive),
    archived: count((session) => session.archived),
    routeable: count((session) => isRouteable(session)),
    primary: count((session) => session.primary),
  };
}

/** Returns the session that keeps or gets the primary flag, if any. Every change of the sessions ends with this rule. */
export function choosePrimary<T extends RankedSession>(sessions: readonly T[]): T | undefined {
  const open = sortSessions(sessions).filter((session) => !session.archived);
  return open.find((session) => session.primary) ?? open.find(isActive) ?? open[0];
}

/** Returns the sessions with the primary flag only on the session that `choosePrimary` chooses. */
export function withOnePrimary<T extends RankedSession>(sessions: readonly T[]): T[] {
  const chosen = choosePrimary(sessions);
  return sessions.map((session) => ({ ...session, primary: session === chosen }));
}

/** Compares by code unit. Timestamps of the same form then sort by time, and the order does not depend on a locale. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
