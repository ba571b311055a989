/** Registering a session: what a new record looks like, and what an existing one keeps (contract/local-state.md §5.6). */

import type { TerminalTarget } from '../../../spec/local/link-session.ts';
import { SCHEMA_VERSION, type SessionRole, type SessionState } from '../../../spec/local/vocabulary.ts';
import { compact } from '../../files/fields.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import type { SessionRecord } from './session-record.ts';

/** What is told about a session. Absent: keep what is known, but for the state. A blank Codex id or note removes it. */
export interface Registration {
  id: string;
  label: string;
  root: string;
  codexSessionId?: string | undefined;
  state?: SessionState | undefined;
  role?: SessionRole | '' | undefined;
  createdAt?: number | undefined;
  lastActiveAt?: number | undefined;
  terminalTarget?: TerminalTarget | undefined;
  archived: boolean;
  primary: boolean;
  notes?: string | undefined;
}

/** The record after a registration. A session that is registered again is open, unless its state is told (§5.6). */
export function registeredRecord(
  told: Registration,
  existing: SessionRecord | undefined,
  now: number,
): SessionRecord {
  const createdAt = told.createdAt ?? undefined;
  const created =
    createdAt === undefined ? (existing?.created_at_utc ?? formatTimestamp(now)) : formatTimestamp(createdAt);
  const archived = told.archived || (existing?.archived ?? false);
  return compact<SessionRecord>({
    schema_version: SCHEMA_VERSION,
    orp_session_id: told.id,
    label: told.label,
    state: told.state ?? 'active',
    project_root: told.root,
    created_at_utc: created,
    last_active_at_utc:
      told.lastActiveAt === undefined
        ? (existing?.last_active_at_utc ?? created)
        : formatTimestamp(told.lastActiveAt),
    archived,
    primary: !archived && (told.primary || (existing?.primary ?? false)),
    source: 'cli',
    codex_session_id: told.codexSessionId ?? existing?.codex_session_id,
    role: (told.role ?? existing?.role) || undefined,
    terminal_target: told.terminalTarget ?? existing?.terminal_target,
    notes: told.notes ?? existing?.notes,
  });
}
