/**
 * Purges an idea. Its unfinished jobs are cancelled first, so that no job works for an idea that no longer exists. The idea
 * is removed before that, so that no further review of it can be queued in the meantime.
 */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { notifyFollowers } from '../base/notify.ts';
import { cancelFound } from '../jobs/cancel-retry.ts';
import * as store from '../store/ideas.ts';
import { cancelUnheldOf, type Order, readHeldOf } from '../store/job-orders.ts';
import type { JobRow } from '../store/job-row.ts';
import { noIdea } from './ideas.ts';

/** The number of jobs that one statement cancels. */
const UNHELD_AT_ONCE = 500;
/** The number of held jobs that one round cancels. Each takes several statements, and a request may make 1,000. */
const HELD_AT_ONCE = 5;
/**
 * The maximum number of rounds. It is enough for all jobs that an account may queue. If machines hold more jobs, the client repeats the
 * request.
 */
const ROUNDS = 12;
/** The maximum number of jobs whose followers are notified. Followers of other jobs learn about the cancel when they open the next stream. */
const NOTIFIED = 200;

export async function purgeIdea(
  deps: Deps,
  user: SignedIn,
  { id, source }: { id: string; source: string },
): Promise<Result<{ mode: 'purge'; cancelledJobs: number }, 'not_found' | 'unavailable'>> {
  if (!(await store.removeIdea(deps.db, user.id, { id, now: deps.now }))) return noIdea(id);
  const reason = `The idea ${id} was purged.`;
  let cancelled = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (await store.purgeIdeaIfUnused(deps.db, user.id, id)) {
      deps.log('idea_purged', { ideaId: id, by: user.id, cancelled });
      return accept({ mode: 'purge', cancelledJobs: cancelled });
    }
    cancelled += await cancelUnheld(deps, user, { ideaId: id, source, reason });
    cancelled += await cancelHeld(deps, user, { ideaId: id, source, reason });
  }
  return refuse(
    'unavailable',
    `Idea ${id} is removed, but not purged yet: it still has unfinished jobs. ${cancelled} jobs were cancelled.`,
    'Purge it again to cancel the others.',
  );
}

interface Cancel {
  ideaId: string;
  source: string;
  reason: string;
}

/** Cancels the jobs that no machine holds. No runner needs a notification. */
async function cancelUnheld(deps: Deps, user: SignedIn, { ideaId, ...told }: Cancel): Promise<number> {
  const order: Order = { ...told, now: deps.now, actor: user.id, by: user.email, leaseId: null };
  const results = await deps.db.batch(
    cancelUnheldOf({ userId: user.id, ideaId, limit: UNHELD_AT_ONCE }, order),
  );
  const jobs = (results.at(-1)?.rows ?? []) as unknown as JobRow[];
  for (const job of jobs.slice(0, NOTIFIED)) notifyFollowers(deps, job);
  return jobs.length;
}

/** Cancels jobs that a machine holds, each as a person would, so that its runner stops the agent. */
async function cancelHeld(deps: Deps, user: SignedIn, { ideaId, source, reason }: Cancel): Promise<number> {
  const held = await deps.db.all<JobRow>(readHeldOf({ userId: user.id, ideaId, limit: HELD_AT_ONCE }));
  let cancelled = 0;
  for (const job of held) {
    const { ok } = await cancelFound(deps, user, { job, order: { jobId: job.id, reason, source } });
    if (ok) cancelled += 1;
  }
  return cancelled;
}
