/** The jobs of one agent session: its prompts and answers, newest first. */

import type { UserId } from '../../spec/ids.ts';
import { type Database, raw, rowsOf, sql } from './database.ts';
import { type JobRow, jobColumns } from './job-row.ts';

/** The session, and how a job that nobody has claimed yet may name it. */
export interface SessionPlace {
  codexSessionId: string;
  /** Absent: the session is not linked any more. */
  linked?: { machineId: string; projectRoot: string; orpSessionId: string } | undefined;
}

/** A job with the beginnings of its texts. */
export type TurnRow = JobRow & {
  prompt: string;
  promptCharacters: number;
  content: string | null;
  contentCharacters: number | null;
};

/** Characters of a prompt and of an answer that a conversation reads. */
const TEXT_START = 6000;
/** Jobs of the account that one page looks through: no index leads from a session to its jobs. */
export const SCANNED = 1000;

/**
 * One page. `next`: jobs older than this one are not looked through yet; undefined at the end.
 */
export async function readConversation(
  db: Database,
  userId: UserId,
  { place, before, limit }: { place: SessionPlace; before: string | undefined; limit: number },
): Promise<{ turns: TurnRow[]; next: string | undefined }> {
  const { codexSessionId, linked } = place;
  const older = before === undefined ? raw('') : sql`AND id < ${before}`;
  const byLabel =
    linked === undefined
      ? raw('')
      : sql`OR (codex_session_id IS NULL AND target_codex_session_id IS NULL
          AND target_orp_session_id = ${linked.orpSessionId}
          AND coalesce(target_machine_id, ${linked.machineId}) = ${linked.machineId}
          AND coalesce(target_project_root, ${linked.projectRoot}) = ${linked.projectRoot})`;
  const [found, last] = await db.batch([
    sql`
      SELECT ${raw(jobColumns())}, substr(prompt, 1, ${TEXT_START}) AS prompt, length(prompt) AS promptCharacters,
        substr(content, 1, ${TEXT_START}) AS content, length(content) AS contentCharacters
      FROM jobs WHERE user_id = ${userId} AND id IN (
        SELECT id FROM (
          SELECT id, codex_session_id, target_codex_session_id, target_orp_session_id, target_machine_id,
            target_project_root
          FROM jobs WHERE user_id = ${userId} ${older} ORDER BY id DESC LIMIT ${SCANNED})
        WHERE coalesce(codex_session_id, target_codex_session_id) = ${codexSessionId} ${byLabel}
        ORDER BY id DESC LIMIT ${limit + 1})
      ORDER BY id DESC`,
    sql`SELECT id FROM jobs WHERE user_id = ${userId} ${older} ORDER BY id DESC LIMIT 1 OFFSET ${SCANNED - 1}`,
  ]);
  const turns = rowsOf<TurnRow>(found);
  if (turns.length > limit) return { turns: turns.slice(0, limit), next: turns[limit - 1]?.id };
  return { turns, next: rowsOf<{ id: string }>(last)[0]?.id };
}
