/**
 * Lists the sessions of an app-server, for one folder or for all folders. The server reads its index and not the session
 * files.
 */

import * as z from 'zod/mini';
import type { FoundSession } from '../agent.ts';
import type { ThreadSourceKind } from './protocol.generated.ts';
import type { Connection } from './rpc.ts';

const PAGE = 100;
/** The limit of 1000 sessions per folder. People usually look for the newest sessions. */
const MOST_PAGES = 10;
/** Includes sessions that `codex exec` created, because people link these, too. */
const KINDS: ThreadSourceKind[] = ['cli', 'vscode', 'exec', 'appServer'];

const threads = z.looseObject({
  data: z.array(
    z.looseObject({
      id: z.string(),
      cwd: z.catch(z.string(), ''),
      preview: z.catch(z.string(), ''),
      /** Seconds since the epoch. */
      updatedAt: z.catch(z.number(), 0),
      status: z.catch(z.looseObject({ type: z.string() }), { type: '' }),
      gitInfo: z.catch(
        z.nullish(z.looseObject({ branch: z.catch(z.nullish(z.string()), undefined) })),
        undefined,
      ),
    }),
  ),
  nextCursor: z.catch(z.nullish(z.string()), undefined),
});

/**
 * Returns the sessions, newest first. Without `folder`, returns the sessions of all folders. Throws if the server does not
 * answer.
 */
export async function listSessions(
  connection: Connection,
  folder: string | undefined,
): Promise<FoundSession[]> {
  const found: FoundSession[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const reply = await connection.call('thread/list', {
      ...(folder === undefined ? {} : { cwd: folder }),
      sourceKinds: KINDS,
      sortKey: 'updated_at',
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    if (reply.kind !== 'ok') {
      throw new Error(reply.kind === 'error' ? reply.message : 'the agent server does not answer');
    }
    const page = threads.parse(reply.result);
    for (const { id, cwd, preview, updatedAt, status, gitInfo } of page.data) {
      found.push({
        sessionId: id,
        cwd,
        lastActiveAt: updatedAt * 1000,
        branch: gitInfo?.branch ?? undefined,
        firstPrompt: preview,
        isOpen: status.type !== 'notLoaded',
      });
    }
    if (page.nextCursor == null || page.nextCursor === cursor) break;
    cursor = page.nextCursor;
  }
  return found;
}

const loaded = z.looseObject({ data: z.catch(z.array(z.string()), []) });

/** Returns the sessions in which a turn runs. Returns none if the server does not answer. */
export async function listActive(connection: Connection): Promise<string[]> {
  const reply = await connection.call('thread/loaded/list', {});
  const ids = reply.kind === 'ok' ? (loaded.safeParse(reply.result).data?.data ?? []) : [];
  const active: string[] = [];
  for (const threadId of ids) {
    const read = await connection.call('thread/read', { threadId });
    if (read.kind === 'ok' && read.result.thread?.status?.type === 'active') active.push(threadId);
  }
  return active;
}
