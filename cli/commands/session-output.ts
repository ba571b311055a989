/** Output shared by the session commands. */

import { countSessions } from '../../spec/local/session-order.ts';
import { oneLine } from '../base/one-line.ts';
import type { LinkableRepository } from '../git/repository.ts';
import { facts, said, table } from '../output/page.ts';
import type { Line } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { whyNotDriven } from '../records/sessions/session-record.ts';
import { primaryOf, type StoredSession } from '../records/sessions/sessions.ts';
import { type ShownSession, showSession } from '../records/sessions/shown-session.ts';

/** The fields that every command that changes sessions reports. */
export function summary(repository: LinkableRepository, sessions: readonly StoredSession[]) {
  const primary = primaryOf(sessions);
  return {
    primary_session: primary === undefined ? {} : showSession(repository.root, primary),
    session_counts: countSessions(sessions.map(({ record }) => record)),
  };
}

const FIELDS = {
  id: 'orp_session_id',
  label: 'label',
  state: 'state',
  primary: 'primary',
  archived: 'archived',
  codex_session_id: 'codex_session_id',
  path: 'path',
} as const;

/** Lines of a session. */
export function sessionLines(session: ShownSession, names: readonly (keyof typeof FIELDS)[]): Line[] {
  return names.map((name) => [`session.${name}`, session[FIELDS[name]]]);
}

/** The page for one session. */
export function sessionPage(session: ShownSession): Rich {
  return [
    [paint('bold', oneLine(session.label)), '\n'],
    facts([
      ['Id', session.orp_session_id],
      ['State', stateOf(session)],
      ...idFacts(session),
      ['Folder', session.project_root],
      ['Last active', session.last_active_at_utc],
      ['Record', session.path],
    ]),
  ];
}

function idFacts(session: ShownSession): [string, string][] {
  const { agent, codex_session_id: id, agent_session_id: agentId } = session;
  if (agent === undefined) return [['Codex session', id ?? 'none; required to take jobs']];
  const isDriven = whyNotDriven(session) === undefined;
  return [
    ['Agent', isDriven ? agent : `${agent}, which this version of orp does not drive; it cannot take jobs`],
    ['Session there', agentId ?? 'none; required to take jobs'],
  ];
}

/** The page for all sessions of a repository. */
export function sessionsPage(sessions: readonly ShownSession[], columns: number): Rich {
  if (sessions.length === 0)
    return [said('idle', 'No linked sessions.'), said('next', 'orp link session register')];
  const rows = sessions.map((session) => [
    { text: session.orp_session_id },
    { text: session.label },
    { text: stateOf(session), style: session.primary ? ('green' as const) : undefined },
    { text: session.codex_session_id ?? '' },
  ]);
  return table(['SESSION', 'LABEL', 'STATE', 'CODEX SESSION'], rows, columns);
}

function stateOf({ archived, primary, state }: ShownSession): string {
  if (archived) return 'archived';
  return primary ? `primary, ${state}` : state;
}
