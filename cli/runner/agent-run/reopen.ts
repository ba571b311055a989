/**
 * Opens a session again after its agent server or the connection to it has ended, and finds out what happened to the prompt:
 *
 *   a server opens the session         → its transcript shows what happened
 *   another program holds the session  → the transcript shows it, too. If the prompt was entered into the person's server, that
 *                                        server may still hold the session and run the turn; then only an end is certain.
 *   the session is missing             → unknown, because its transcript may be in another home
 *
 * The new server may end, too, so it tries several times.
 */

import type {
  AgentSession,
  EnteredTurn,
  MarkerSearch,
  SessionDriver,
  SessionTask,
} from '../../agents/agent.ts';
import { pause } from '../../base/pause.ts';

export type Reopened =
  | { kind: 'open'; session: AgentSession; found: Found }
  /** Another program has the session open. Undefined: the prompt was never entered. */
  | { kind: 'held'; turn: EnteredTurn | undefined }
  /** Another program has the session open, and the turn may run in it. */
  | { kind: 'uncertain' }
  | { kind: 'unknown' };

export type Found = Exclude<MarkerSearch, { kind: 'unread' }>;

interface Where {
  driver: SessionDriver;
  task: SessionTask;
  /** The server into which the prompt was entered. Undefined if an earlier version of the runner entered the prompt. */
  how: AgentSession['how'] | undefined;
}

const TRIES = 4;
const PAUSE_MS = 250;
/** How long to wait, because a request that was sent just before the connection ended may still have an effect. */
const SETTLE_MS = 1000;

export async function reopen(where: Where, marker: string): Promise<Reopened> {
  let last: Reopened = { kind: 'unknown' };
  if (!where.driver.capabilities.has('markers')) return last;
  for (let tries = 1; ; tries += 1) {
    const reopened = await reopenOnce(where, marker);
    if (reopened !== undefined && reopened.kind !== 'uncertain') return reopened;
    last = reopened ?? last;
    if (tries === TRIES) return last;
    await pause(tries * PAUSE_MS);
  }
}

async function reopenOnce({ driver, task, how }: Where, marker: string): Promise<Reopened | undefined> {
  const opening = await driver.reopen(task);
  if (opening.kind === 'no_server') return undefined;
  if (opening.kind === 'refused') {
    return judgeHeld(await findTwice((markers) => driver.look(task.sessionId, markers), marker), how);
  }
  const { session } = opening;
  const search = await findTwice((markers) => session.find(markers, true), marker);
  if (search.kind !== 'unread') return { kind: 'open', session, found: search };
  await session.close();
  return undefined;
}

/** To a program that does not have the session open, a running turn looks interrupted, and output that is not yet written is missing. */
function judgeHeld(search: MarkerSearch, how: Where['how']): Reopened | undefined {
  if (search.kind === 'unread') return undefined;
  const turn = search.kind === 'found' ? search.turn : undefined;
  if (search.kind === 'pending' || turn?.status === 'running') return { kind: 'uncertain' };
  const isFinal = turn?.status === 'completed' || turn?.status === 'failed';
  return how === 'shared_server' && !isFinal ? { kind: 'uncertain' } : { kind: 'held', turn };
}

async function findTwice(
  find: (markers: readonly string[]) => Promise<MarkerSearch>,
  marker: string,
): Promise<MarkerSearch> {
  const first = await find([marker]);
  if (first.kind !== 'none') return first;
  await pause(SETTLE_MS);
  return find([marker]);
}
