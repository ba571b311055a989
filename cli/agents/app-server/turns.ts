/**
 * The turns of a session as its transcript shows them, and the search for the turn of a prompt. A prompt has a marker, which
 * Codex keeps as the `clientId` of the user message. Only the server that writes to a session knows which turn runs. In
 * other servers, a running turn has the status `interrupted`.
 */

import type { EnteredTurn, MarkerSearch } from '../agent.ts';
import { type Turn, turnsPage } from './messages.ts';
import type { ThreadTurnsListParams } from './protocol.generated.ts';
import type { Connection } from './rpc.ts';
import { readTurnError } from './turn-errors.ts';

/** The number of turns in the answer that opens the session. A marker is nearly always in one of them. */
export const FIRST_TURNS = 20;
const PAGE_TURNS = 50;
/** 20 pages have 1000 turns. The search assumes that the prompt of the job is among them. */
const MOST_PAGES = 20;

/** Searches the newest turns of a session. The session need not be open here. */
export async function findTurn(
  connection: Connection,
  sessionId: string,
  markers: readonly string[],
): Promise<MarkerSearch> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await readPage(connection, {
      threadId: sessionId,
      limit: PAGE_TURNS,
      ...(cursor === undefined ? {} : { cursor }),
    });
    if (page === undefined) return { kind: 'unread' };
    const found = findMarked(page.data, markers);
    if (found !== undefined) return { kind: 'found', turn: found };
    const next = page.nextCursor ?? undefined;
    if (next === undefined || next === cursor) break;
    cursor = next;
  }
  return { kind: 'none' };
}

/**
 * Like {@link findTurn}, but also finds a prompt that was added to a turn of another client. A page of turns shows only the
 * first prompt of each turn unless it is asked for everything. A running turn may have taken a prompt that it has not read yet.
 */
export async function findDeep(
  connection: Connection,
  sessionId: string,
  markers: readonly string[],
): Promise<MarkerSearch> {
  const search = await findTurn(connection, sessionId, markers);
  if (search.kind !== 'none') return search;
  const page = await readPage(connection, { threadId: sessionId, limit: FIRST_TURNS, itemsView: 'full' });
  if (page === undefined) return { kind: 'unread' };
  const found = findMarked(page.data, markers);
  if (found !== undefined) return { kind: 'found', turn: found };
  const running = page.data.find(({ status }) => status === 'inProgress');
  if (running === undefined) return { kind: 'none' };
  const isJoined = running.items.some(({ type }) => type === 'userMessage');
  return { kind: 'pending', turnId: running.id, isJoined };
}

/** Returns the newest turn with one of the markers. */
export function findMarked(turns: readonly Turn[], markers: readonly string[]): EnteredTurn | undefined {
  for (const { id, status, items, error } of turns) {
    const at = items.findIndex(({ clientId }) => clientId != null && markers.includes(clientId));
    const marker = items[at]?.clientId;
    if (marker == null) continue;
    return {
      turnId: id,
      marker,
      status: status === 'inProgress' ? 'running' : status,
      answer: lastMessage(items.slice(at)),
      error: error?.message,
      reading: error == null ? undefined : readTurnError(error),
      isJoined: items.slice(0, at).some(({ type }) => type === 'userMessage'),
    };
  }
  return undefined;
}

export function lastMessage(items: Turn['items']): string | undefined {
  return items.findLast(({ type }) => type === 'agentMessage')?.text || undefined;
}

/**
 * Returns undefined if the server did not show the turns. Only one error proves that the session has no turns: the error for a session
 * without any prompt. A missing session may be in another home of Codex.
 */
async function readPage(connection: Connection, params: ThreadTurnsListParams) {
  const reply = await connection.call('thread/turns/list', params);
  if (reply.kind === 'ok') return turnsPage.safeParse(reply.result).data;
  const isNew = reply.kind === 'error' && /not materialized yet/i.test(reply.message);
  return isNew ? { data: [], nextCursor: undefined } : undefined;
}
