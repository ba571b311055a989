/** `orp link session register`. */

import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import type { TerminalTarget } from '../../spec/local/link-session.ts';
import type { SessionRole, SessionState } from '../../spec/local/vocabulary.ts';
import { AGENTS } from '../agents/registry.ts';
import { usageError } from '../base/exit.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { requireGit } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { paint } from '../output/text-output.ts';
import { type Registration, registeredRecord } from '../records/sessions/session-record.ts';
import { findSession, requireSession, sessionPath, updateSessions } from '../records/sessions/sessions.ts';
import { showSession } from '../records/sessions/shown-session.ts';
import { requireSameRoot } from './link-bind.ts';
import { sessionLines, summary } from './session-output.ts';

export interface RegisterOptions extends CommonOptions {
  orpSessionId: string;
  label: string;
  codexSessionId?: string;
  agent?: string;
  projectRoot?: string;
  state?: SessionState;
  role?: SessionRole | '';
  createdAt?: string;
  lastActiveAt?: string;
  windowId?: number;
  tabNumber?: number;
  archived?: boolean;
  primary?: boolean;
  notes?: string;
}

/** The server's limit for ids, which also keeps file names short enough. */
const MAX_ID_CHARACTERS = 200;

/** Writes the record. The first session of a repository becomes its primary session. */
export async function registerSession(context: Context, options: RegisterOptions): Promise<void> {
  const repository = requireGit(await context.repository());
  requireSameRoot(options.projectRoot, repository, context.cwd);
  const told = readRegistration(options, repository.root);
  const now = context.now();
  let created = false;
  const sessions = await updateSessions(repository, now, (stored) => {
    const existing = findSession(stored, told.id);
    created = existing === undefined;
    const record = registeredRecord(told, existing?.record, now);
    const path = existing?.path ?? sessionPath(repository, told.id);
    const others = stored
      .filter((session) => session.path !== path)
      .map((session) =>
        told.primary && record.primary
          ? { ...session, record: { ...session.record, primary: false } }
          : session,
      );
    return [...others, { record, path }];
  });
  const session = showSession(repository.root, requireSession(repository, sessions, told.id));
  printResult(
    context,
    { ok: true, created, session, ...summary(repository, sessions), session_path: session.path },
    {
      lines: sessionLines(session, ['id', 'label', 'codex_session_id', 'primary', 'path']),
      page: () =>
        said('done', [
          created ? 'Registered session ' : 'Changed session ',
          paint('bold', session.label),
          ` · ${session.orp_session_id}`,
          session.primary ? ' · primary' : '',
        ]),
    },
  );
}

function readRegistration(options: RegisterOptions, root: string): Registration {
  const id = options.orpSessionId.trim();
  const label = options.label.trim();
  if (id === '') throw usageError('--orp-session-id is blank.', 'Choose an id, such as main.');
  if (id.length > MAX_ID_CHARACTERS) {
    throw usageError(
      `--orp-session-id has more than ${MAX_ID_CHARACTERS} characters.`,
      'Choose a shorter id.',
    );
  }
  if (label === '') throw usageError('--label is blank.', 'Choose a name to show for the session.');
  return {
    id,
    label,
    root,
    codexSessionId: readSessionId(options.codexSessionId),
    agent: readAgent(options.agent),
    state: options.state,
    role: options.role,
    createdAt: readTime('--created-at', options.createdAt),
    lastActiveAt: readTime('--last-active-at', options.lastActiveAt),
    terminalTarget: readTerminalTarget(options),
    archived: options.archived ?? false,
    primary: options.primary ?? false,
    notes: options.notes?.trim(),
  };
}

/**
 * Reads a session id. Rejects a text that looks like an option or a path, because the id becomes an argument of the
 * agent.
 */
function readSessionId(text: string | undefined): string | undefined {
  const id = text?.trim();
  if (id === undefined || id === '' || AGENT_SESSION_ID_PATTERN.test(id)) return id;
  throw usageError(
    `--codex-session-id ${JSON.stringify(id)} is not a Codex session id.`,
    'Use the UUID that `codex` shows for the session: letters, digits and dashes.',
  );
}

function readAgent(text: string | undefined): string | undefined {
  const name = text?.trim();
  if (name === undefined || AGENTS.has(name)) return name;
  throw usageError(
    `--agent ${JSON.stringify(name)} is not an agent that this runner drives.`,
    `It drives: ${[...AGENTS.keys()].join(', ')}.`,
  );
}

function readTime(option: string, text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const at = parseTimestamp(text);
  if (at !== undefined) return at;
  throw usageError(
    `${option} ${JSON.stringify(text)} is not a time.`,
    'Use a time such as 2026-04-01T10:00:00Z.',
  );
}

function readTerminalTarget({ windowId, tabNumber }: RegisterOptions): TerminalTarget | undefined {
  if (windowId === undefined && tabNumber === undefined) return undefined;
  if (windowId !== undefined && tabNumber !== undefined) {
    return { window_id: windowId, tab_number: tabNumber };
  }
  throw usageError('--window-id and --tab-number must be used together.', 'Pass both or neither.');
}
