/** Reads the jobs of one agent session, with their prompts and answers, newest first. */

import type { UserId } from '../../spec/ids.ts';
import { type Database, raw, rowsOf, type Statement, sql } from './database.ts';
import { type JobRow, jobColumns } from './job-row.ts';

/** A session, with the ids by which a queued job may name it. */
export interface SessionPlace {
  codexSessionId: string;
  /** Absent if the session is no longer linked. */
  linked?: { machineId: string; projectRoot: string; orpSessionId: string } | undefined;
}

/** A job with the beginning of its prompt and of its answer. */
export type TurnRow = JobRow & {
  prompt: string;
  promptCharacters: number;
  content: string | null;
  contentCharacters: number | null;
};

/** The number of characters that a conversation shows of each prompt and each answer. */
const TEXT_START = 6000;
/**
 * The number of jobs that one page looks through. An index from a session to its jobs would cost one more written row for each job. So a
 * page searches the newest jobs, and searches further only if none of them belongs to the session.
 */
export const SCANS = [1000, 4000] as const;
/** The number of jobs in which the last use of each session is looked up. */
const USES_READ = 500;

/** Finds when each session last got a job, among the newest jobs of the account. */
export function readLastUses(userId: UserId): Statement {
  return sql`
    SELECT codex_session_id AS codexSessionId, max(coalesce(finished_at, claimed_at)) AS usedAt
    FROM (SELECT codex_session_id, finished_at, claimed_at FROM jobs WHERE user_id = ${userId}
      ORDER BY id DESC LIMIT ${USES_READ})
    WHERE codex_session_id IS NOT NULL AND claimed_at IS NOT NULL GROUP BY codex_session_id`;
}

/**
 * Reads one page. The next page must begin with jobs older than `next`. At the end, `next` is undefined.
 */
export async function readConversation(
  db: Database,
  userId: UserId,
  {
    place,
    before,
    limit,
    scan,
  }: { place: SessionPlace; before: string | undefined; limit: number; scan: number },
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
          FROM jobs WHERE user_id = ${userId} ${older} ORDER BY id DESC LIMIT ${scan})
        WHERE coalesce(codex_session_id, target_codex_session_id) = ${codexSessionId} ${byLabel}
        ORDER BY id DESC LIMIT ${limit + 1})
      ORDER BY id DESC`,
    sql`SELECT id FROM jobs WHERE user_id = ${userId} ${older} ORDER BY id DESC LIMIT 1 OFFSET ${scan - 1}`,
  ]);
  const turns = rowsOf<TurnRow>(found);
  if (turns.length > limit) return { turns: turns.slice(0, limit), next: turns[limit - 1]?.id };
  return { turns, next: rowsOf<{ id: string }>(last)[0]?.id };
}
