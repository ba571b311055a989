import { displayPath } from '../../files/paths.ts';
import type { SessionRecord } from './session-record.ts';
import type { StoredSession } from './sessions.ts';

/** A session in the form that commands print, with the path of its file. */
export type ShownSession = SessionRecord & { path: string };

/** A session with its path relative to the repository. */
export function showSession(root: string, session: StoredSession): ShownSession {
  return { ...session.record, path: displayPath(root, session.path) };
}
