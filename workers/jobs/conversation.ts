/** Reads a session as a conversation: its prompts and answers in order, and the running job. */

import { isTerminal } from '../../spec/job/status.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { readConversation, SCANS, type TurnRow } from '../store/conversations.ts';
import { targetOf } from '../store/job-row.ts';
import { type JobView, surroundingsOf, viewJob, waitingOf } from './job-view.ts';
import { listSessions, type SendableSession } from './sessions.ts';

/** A prompt with its result. */
export interface Turn extends JobView {
  prompt: string;
  /** The length of the complete prompt. `prompt` may contain only its beginning. */
  promptCharacters: number;
  content: string | undefined;
  contentCharacters: number;
}

export interface Conversation {
  /** Undefined if no machine has linked the session now. */
  session: SendableSession | undefined;
  /** The turns of this page, oldest first. */
  turns: Turn[];
  /** The job before which the earlier turns begin. */
  earlier: string | undefined;
  /** The number of jobs in which the turns were looked for. */
  scanned: number;
}

export async function readSession(
  deps: Deps,
  user: SignedIn,
  { codexSessionId, before, limit }: { codexSessionId: string; before: string | undefined; limit: number },
): Promise<Conversation> {
  const sessions = await listSessions(deps, user.id);
  const session = sessions.find((one) => one.codexSessionId === codexSessionId);
  const place = { codexSessionId, linked: session };
  let found = await readConversation(deps.db, user.id, { place, before, limit, scan: SCANS[0] });
  let scanned: number = SCANS[0];
  if (found.turns.length === 0 && found.next !== undefined) {
    found = await readConversation(deps.db, user.id, { place, before: found.next, limit, scan: SCANS[1] });
    scanned += SCANS[1];
  }
  const { turns, next } = found;
  const live = turns.filter((turn) => !isTerminal(turn.status));
  const around = live.length > 0 ? await surroundingsOf(deps, user.id, live.map(targetOf)) : undefined;
  const view = (row: TurnRow): Turn => ({
    ...viewJob(row, around && waitingOf(row, around, deps.now)),
    prompt: row.prompt,
    promptCharacters: row.promptCharacters,
    content: row.content ?? undefined,
    contentCharacters: row.contentCharacters ?? 0,
  });
  return { session, turns: turns.map(view).reverse(), earlier: next, scanned };
}
