/** What the session commands print alike. */

import { countSessions } from '../../spec/local/session-order.ts';
import { type ShownSession, showSession } from '../link/link-status.ts';
import type { LinkableRepository } from '../link/repository.ts';
import { primaryOf, type StoredSession } from '../link/sessions.ts';
import type { Line } from '../output/print.ts';

/** What every change of sessions reports. */
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
