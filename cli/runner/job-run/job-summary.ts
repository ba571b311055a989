/** The report of one claimed job: its first state, and its state after the result and the delivery. */

import { displayPath } from '../../files/paths.ts';
import { type LinkableRepository, runtimePath } from '../../git/repository.ts';
import type { FinishedWork } from '../../records/runtime.ts';
import type { JobReport } from '../job/job-report.ts';
import { showPlacement } from '../job/placement-view.ts';
import { CANCELLED } from '../job/result.ts';
import type { PlacedClaim } from '../job/workplace.ts';
import type { Delivery } from '../lease/delivery.ts';
import type { ResultRecord } from '../spool/records.ts';

/**
 * The report of a job that has not been started.
 * @param root the root of `--repo-root`; paths inside it are shown relative to it
 */
export function blankReport(
  { claim, placement }: PlacedClaim,
  { root, repository }: { root: string; repository: LinkableRepository },
): JobReport {
  const { raw, lease } = claim;
  return {
    ok: false,
    outcome: 'failed',
    endedAt: 0,
    tookMs: 0,
    job: raw,
    lease: { lease_id: lease?.leaseId ?? '', lease_expires_at_utc: lease?.expiresAt ?? '' },
    repoSelection: placement.repoSelection,
    ...showPlacement(placement, root),
    startResponse: null,
    ...(placement.kind === 'no_repository' ? {} : { messageResponse: null }),
    completeResponse: null,
    runtime: null,
    runtimePath: displayPath(root, runtimePath(repository)),
  };
}

/** How a job ended, after the delivery of its result. */
export interface JobEnding {
  outcome: JobReport['outcome'];
  /** For `runtime.json`. */
  finished: FinishedWork;
  /** Why the job failed. Undefined if it succeeded. */
  error: string | undefined;
}

export function endingOf(result: ResultRecord, delivery: Delivery): JobEnding {
  const error = errorOf(result, delivery);
  const isReleased = delivery.kind === 'delivered' && delivery.isReleased;
  const isUndelivered = result.outcome === 'completed' && error !== undefined;
  const outcome = isReleased ? 'returned' : isUndelivered ? 'failed' : result.outcome;
  const status = isReleased ? 'retried' : result.outcome;
  return { outcome, finished: { status, summary: result.summary, error }, error };
}

function errorOf(result: ResultRecord, delivery: Delivery): string | undefined {
  if (delivery.kind === 'refused') {
    const kept =
      delivery.keptAt === undefined ? '' : ` The answer of the agent is kept in ${delivery.keptAt}.`;
    return `The server rejected the result: ${delivery.message}${kept}`;
  }
  if (delivery.kind === 'pending') {
    return `The runner could not deliver the result yet (${delivery.message}). It tries again when you next run orp runner work.`;
  }
  if (result.outcome === 'completed') return undefined;
  if (delivery.isReleased) return `${result.error} The job is in the queue again.`;
  return result.error ?? (result.outcome === 'cancelled' ? CANCELLED : 'The job failed.');
}
