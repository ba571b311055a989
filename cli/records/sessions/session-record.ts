/** Reads one session record from the contents of a file. */

import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import type { LinkSession, TerminalTarget } from '../../../spec/local/link-session.ts';
import {
  SCHEMA_VERSION,
  SESSION_ROLES,
  SESSION_STATES,
  type SessionRole,
  type SessionState,
} from '../../../spec/local/vocabulary.ts';
import { AGENTS } from '../../agents/registry.ts';
import {
  compact,
  readBoolean,
  readChoice,
  readInteger,
  readPath,
  readString,
  readTimestamp,
} from '../../files/fields.ts';
import { isObject, type JsonObject } from '../../files/json-file.ts';
import { formatTimestamp } from '../../files/timestamps.ts';

/** A record from a file. An unknown source is kept for display and becomes `cli` on the next write. */
export type SessionRecord = Omit<LinkSession, 'source'> & { source?: string | undefined };

/** Returns a valid record, or undefined if the id or the label is missing. */
export function normaliseSession(
  record: JsonObject,
  defaults: { root: string; now: number },
): SessionRecord | undefined {
  const id = readString(record, 'orp_session_id', 'orpSessionId', 'session_id', 'sessionId');
  const label = readString(record, 'label');
  if (id === undefined || label === undefined) return undefined;
  const createdAt =
    readTimestamp(record, 'created_at_utc', 'createdAt', 'created_at') ?? formatTimestamp(defaults.now);
  const archived = readBoolean(record, 'archived');
  return compact<SessionRecord>({
    schema_version: SCHEMA_VERSION,
    orp_session_id: id,
    label,
    state: readChoice(record, SESSION_STATES, 'state') ?? 'active',
    project_root: readPath(record, defaults.root, [
      'project_root',
      'projectRoot',
      'project_path',
      'projectPath',
    ]),
    created_at_utc: createdAt,
    last_active_at_utc:
      readTimestamp(record, 'last_active_at_utc', 'lastActiveAt', 'last_active_at') ?? createdAt,
    archived,
    primary: !archived && readBoolean(record, 'primary'),
    source: readString(record, 'source'),
    ...agentOf(readString(record, 'agent'), {
      codex: readString(record, 'codex_session_id', 'codexSessionId'),
      other: readString(record, 'agent_session_id'),
    }),
    role: readChoice(record, SESSION_ROLES, 'role'),
    terminal_target: readTerminalTarget(record.terminal_target ?? record.terminalTarget),
    notes: readString(record, 'notes'),
  });
}

/**
 * The agent of a session, and the id that the agent gave the session. For an agent other than Codex, the file stores this id
 * under another key, so that a v0.4.4 client does not pass it to Codex. In the record the key is always `codex_session_id`,
 * as on the wire. If this version does not drive the agent, the record has no such id and the session cannot take jobs.
 */
function agentOf(
  agent: string | undefined,
  id: { codex: string | undefined; other: string | undefined },
): Pick<SessionRecord, 'codex_session_id' | 'agent' | 'agent_session_id'> {
  if (agent === undefined || agent === DEFAULT_AGENT) return { codex_session_id: id.codex };
  const isDriven = AGENTS.has(agent);
  return { codex_session_id: isDriven ? id.other : undefined, agent, agent_session_id: id.other };
}

/** Explains why a session cannot take jobs although it has an id. Returns undefined if this version drives its agent. */
export function whyNotDriven({
  orp_session_id: id,
  agent,
}: Pick<SessionRecord, 'orp_session_id' | 'agent'>): string | undefined {
  if (agent === undefined || AGENTS.has(agent)) return undefined;
  return `Session ${id} is a session of the agent ${agent}, which this version of orp does not drive; it cannot take jobs.`;
}

/** The record in the form that the file stores. */
export function storedRecord(record: SessionRecord): SessionRecord {
  if (record.agent === undefined) return record;
  const { codex_session_id: _id, ...stored } = record;
  return stored;
}

/** Returns window and tab, or undefined if either is missing. */
function readTerminalTarget(value: unknown): TerminalTarget | undefined {
  if (!isObject(value)) return undefined;
  const windowId = readInteger(value, 'window_id', 'windowId');
  const tabNumber = readInteger(value, 'tab_number', 'tabNumber');
  if (windowId === undefined || tabNumber === undefined) return undefined;
  return { window_id: windowId, tab_number: tabNumber };
}

/**
 * The fields of a registration. An absent field keeps the stored value, except the state. A blank Codex id or note removes
 * it.
 */
export interface Registration {
  id: string;
  label: string;
  root: string;
  /** The id of the session at its agent. */
  codexSessionId?: string | undefined;
  agent?: string | undefined;
  state?: SessionState | undefined;
  role?: SessionRole | '' | undefined;
  createdAt?: number | undefined;
  lastActiveAt?: number | undefined;
  terminalTarget?: TerminalTarget | undefined;
  archived: boolean;
  primary: boolean;
  notes?: string | undefined;
}

/** Returns the record after a registration. Without a given state, the session becomes active. */
export function registeredRecord(
  told: Registration,
  existing: SessionRecord | undefined,
  now: number,
): SessionRecord {
  const createdAt = told.createdAt ?? undefined;
  const created =
    createdAt === undefined ? (existing?.created_at_utc ?? formatTimestamp(now)) : formatTimestamp(createdAt);
  const agent = told.agent ?? existing?.agent;
  // The stored id is valid only for the same agent.
  const isSameAgent = (agent ?? DEFAULT_AGENT) === (existing?.agent ?? DEFAULT_AGENT);
  const known = isSameAgent ? (existing?.agent_session_id ?? existing?.codex_session_id) : undefined;
  const sessionId = told.codexSessionId ?? known;
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
    ...agentOf(agent, { codex: sessionId, other: sessionId }),
    role: (told.role ?? existing?.role) || undefined,
    terminal_target: told.terminalTarget ?? existing?.terminal_target,
    notes: told.notes ?? existing?.notes,
  });
}
