/** The reads of the compatibility path: reviews with the repository and session of their world. */

import { LEASED_STATUSES } from '../../spec/job/status.ts';
import type { Database, Statement } from './database.ts';
import { raw, sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';

/** A queued review that a worker without a machine could take. */
export interface ReviewCandidate {
  userId: string;
  id: string;
  ideaId: string;
  worldId: string;
  worldName: string;
  projectRoot: string;
  codexSessionId: string;
}

/** The number of reviews in one read. */
const CANDIDATES = 50;

/**
 * Reads reviews in the order of the queue. A review without a repository or session is left to a machine that has linked
 * them.
 */
export function readReviewCandidates(userId: string, now: number): Statement {
  return sql`
    SELECT j.user_id AS userId, j.id, j.idea_id AS ideaId, w.id AS worldId, w.name AS worldName,
      w.project_root AS projectRoot, coalesce(j.target_codex_session_id, w.codex_session_id) AS codexSessionId
    FROM jobs j INDEXED BY jobs_live JOIN worlds w ON w.user_id = j.user_id AND w.idea_id = j.idea_id
    WHERE j.user_id = ${userId} AND j.finished_at IS NULL AND ${raw(mayBe('claim', 'j.'))} AND j.kind = 'idea.checkpoint'
      AND j.available_at <= ${now} AND j.expires_at > ${now} AND j.checkpoint_id IS NOT NULL
      AND j.target_machine_id IS NULL AND (j.world_id IS NULL OR j.world_id = w.id)
      AND w.project_root IS NOT NULL AND coalesce(j.target_codex_session_id, w.codex_session_id) IS NOT NULL
    ORDER BY j.priority DESC, j.id LIMIT ${CANDIDATES}`;
}

export interface CheckpointKey {
  id: string;
  jobId: string;
  responseId: string | null;
}

export function findCheckpoint(db: Database, userId: string, id: string): Promise<CheckpointKey | undefined> {
  return db.first<CheckpointKey>(sql`
    SELECT id, job_id AS jobId, response_id AS responseId FROM checkpoints WHERE user_id = ${userId} AND id = ${id}`);
}

/** Finds the unfinished job that was claimed with this id. */
export function findByClaim(
  db: Database,
  userId: string,
  { machineId, claimId }: { machineId: string; claimId: string },
): Promise<JobRow | undefined> {
  return db.first<JobRow>({
    sql: `SELECT ${jobColumns()} FROM jobs INDEXED BY jobs_live WHERE user_id = ? AND finished_at IS NULL
          AND place = 'held' AND ${statusIn(LEASED_STATUSES)} AND machine_id = ? AND claim_id = ?`,
    values: [userId, machineId, claimId],
  });
}
