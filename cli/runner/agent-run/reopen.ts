/**
 * Opens a session again after its agent server or the connection to it has ended, and finds out what happened to the prompt.
 * The new server may end, too, so it tries several times.
 */

import type { AgentSession, EnteredTurn, SessionDriver, SessionTask } from '../../agents/agent.ts';
import { pause } from '../../base/pause.ts';

export type Reopened =
  /** No turn: the prompt was never entered. */
  | { kind: 'open'; session: AgentSession; turn: EnteredTurn | undefined }
  /** Another program has the session open. Its transcript shows the turn. */
  | { kind: 'held'; turn: EnteredTurn | undefined }
  | { kind: 'unknown' };

const TRIES = 4;
const PAUSE_MS = 250;

export async function reopen(
  { driver, task }: { driver: SessionDriver; task: SessionTask },
  marker: string,
): Promise<Reopened> {
  for (let tries = 1; ; tries += 1) {
    const reopened = await reopenOnce(driver, task, marker);
    if (reopened !== undefined) return reopened;
    if (tries === TRIES) return { kind: 'unknown' };
    await pause(tries * PAUSE_MS);
  }
}

async function reopenOnce(
  driver: SessionDriver,
  task: SessionTask,
  marker: string,
): Promise<Reopened | undefined> {
  const opening = await driver.reopen(task);
  if (opening.kind === 'no_server') return undefined;
  const session = opening.kind === 'open' ? opening.session : undefined;
  const search = await (session?.find([marker], true) ?? driver.look(task.sessionId, [marker]));
  if (search.kind === 'unread') {
    await session?.close();
    return undefined;
  }
  const turn = search.kind === 'found' ? search.turn : undefined;
  return session === undefined ? { kind: 'held', turn } : { kind: 'open', session, turn };
}
