/** The rules about the order and the primary session of a repository. */

import type { LinkSession } from './link-session.ts';

/** The fields that the rules read; records of any origin have them. */
export type RankedSession = Pick<
  LinkSession,
  'orp_session_id' | 'label' | 'state' | 'last_active_at_utc' | 'archived' | 'primary' | 'codex_session_id'
>;

/** The counts that `orp` prints as `session_counts`. */
export interface SessionCounts {
  total: number;
  /** Not archived, and active. */
  active: number;
  archived: number;
  /** Active, with a Codex session id: able to take work. */
  routeable: number;
  /** Flagged primary; one at most in a healthy repository. */
  primary: number;
}

/** Not archived, and active. */
export function isActive(session: RankedSession): boolean {
  return !session.archived && session.state === 'active';
}

/** Active, with a Codex session id: able to take work. */
export function isRouteable<T extends RankedSession>(
  session: T,
): session is T & { codex_session_id: string } {
  return isActive(session) && (session.codex_session_id ?? '').trim() !== '';
}

/** List order: primary, then not archived, active, most recently active, and by label. */
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

/** A copy in list order. */
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

/** The session that keeps or gets the primary flag, if any: every change to the sessions ends with this rule. */
export function choosePrimary<T extends RankedSession>(sessions: readonly T[]): T | undefined {
  const open = sortSessions(sessions).filter((session) => !session.archived);
  return open.find((session) => session.primary) ?? open.find(isActive) ?? open[0];
}

/** The sessions with exactly one primary flag, on the chosen one. */
export function withOnePrimary<T extends RankedSession>(sessions: readonly T[]): T[] {
  const chosen = choosePrimary(sessions);
  return sessions.map((session) => ({ ...session, primary: session === chosen }));
}

/** Compares by code unit. Timestamps of the same form then sort by time, and the order does not depend on a locale. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
