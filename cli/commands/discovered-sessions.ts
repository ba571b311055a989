/** Finds the sessions that the agents of this machine have for a repository, and shows them. */

import { basename } from 'node:path';
import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import { messageOf } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { isLinkable } from '../git/repository.ts';
import type { Context } from '../output/context.ts';
import { age, type Cell, said, table } from '../output/page.ts';
import type { Rich } from '../output/text-output.ts';
import { cutToWidth } from '../output/text-width.ts';
import { readSessions } from '../records/sessions/sessions.ts';
import { FINDERS } from '../runner/agent-server/find-sessions.ts';

export interface DiscoveredSession {
  agent: string;
  /** The id that the agent gave the session. */
  id: string;
  cwd: string;
  last_active_at_utc: string;
  branch: string | null;
  first_prompt: string;
  /** True if a program has the session open. */
  open: boolean;
  /** True if this repository has linked the session. */
  linked: boolean;
}

/** Lists the sessions, newest first. If an agent does not answer, warns and lists the sessions of the other agents. */
export async function discoverSessions(context: Context, isAll: boolean): Promise<DiscoveredSession[]> {
  const repository = await context.repository();
  const shelf = isLinkable(repository) ? readSessions(repository, context.now()).sessions : [];
  const linked = new Set(
    shelf.map(({ record: { agent, agent_session_id: other, codex_session_id: id } }) =>
      keyOf(agent ?? DEFAULT_AGENT, other ?? id ?? ''),
    ),
  );
  const found: DiscoveredSession[] = [];
  for (const [agent, find] of FINDERS) {
    try {
      for (const session of await find(context.env, isAll ? undefined : repository.root)) {
        found.push({
          agent,
          id: session.sessionId,
          cwd: session.cwd,
          last_active_at_utc: formatTimestamp(possibleTime(session.lastActiveAt)),
          branch: session.branch ?? null,
          first_prompt: session.firstPrompt,
          open: session.isOpen,
          linked: linked.has(keyOf(agent, session.sessionId)),
        });
      }
    } catch (error) {
      context.warn(`Could not list the sessions of ${agent}: ${messageOf(error)}`);
    }
  }
  return found.sort((a, b) => b.last_active_at_utc.localeCompare(a.last_active_at_utc));
}

function keyOf(agent: string, id: string): string {
  return `${agent} ${id}`;
}

/** Returns a valid time, so that a wrong clock does not end the command. */
function possibleTime(at: number): number {
  return Number.isFinite(at) ? Math.min(Math.max(at, 0), Date.UTC(9999, 0)) : 0;
}

/** Agents choose the names of folders and branches. The column is limited, so that a long name does not push the prompt off the screen. */
const NAME_COLUMNS = 24;

interface View {
  now: number;
  columns: number;
  /** If true, the table also shows the folder of each session. */
  isAll?: boolean;
}

/** Returns a numbered table of the sessions. */
export function discoveredPage(sessions: readonly DiscoveredSession[], view: View): Rich {
  if (sessions.length === 0)
    return said('idle', `No sessions of an agent${view.isAll ? '' : ' for this folder'}.`);
  const rows = sessions.map((session, at) => [{ text: String(at + 1) }, ...rowOf(session, view)]);
  return table(['#', ...headsOf(view)], rows, view.columns);
}

/** The list from which a person chooses a session. */
export function sessionChoices(context: Context, entries: readonly DiscoveredSession[]) {
  const view: View = { now: context.now(), columns: context.stderr.columns };
  return {
    noun: 'session',
    entries,
    heads: headsOf(view),
    row: (session: DiscoveredSession) => rowOf(session, view),
  };
}

function headsOf({ isAll = false }: View): string[] {
  return ['ACTIVE', isAll ? 'FOLDER' : 'BRANCH', 'STATE', 'FIRST PROMPT'];
}

function rowOf(session: DiscoveredSession, { now, isAll = false }: View): Cell[] {
  const short = (text: string) => ({ text: cutToWidth(oneLine(text), NAME_COLUMNS) });
  return [
    { text: age(now - Date.parse(session.last_active_at_utc)) },
    isAll ? short(basename(session.cwd)) : short(session.branch ?? ''),
    { text: stateOf(session), style: session.linked ? ('green' as const) : undefined },
    { text: session.first_prompt.replaceAll(/\s+/g, ' ') || session.id },
  ];
}

function stateOf({ open, linked }: DiscoveredSession): string {
  return [linked ? 'linked' : '', open ? 'open' : ''].filter((word) => word !== '').join(', ');
}
