/**
 * Returns a job that had no effect, on request of its holder. The session is free, the job gets its old place in the queue,
 * and machines are woken.
 */

import type { Result } from '../../spec/errors.ts';
import { accept } from '../../spec/errors.ts';
import type { ReleaseReason } from '../../spec/job/release.ts';
import { releasePauseMs, releaseSentence } from '../../spec/job/release.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isAllowed } from '../../spec/job/status.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced } from '../base/machine-api.ts';
import { sharersIn, wakeAt, wakeMachines } from '../base/notify.ts';
import { jobUnderLease, wrongStatus } from '../jobs/fence.ts';
import { readMachine } from '../store/claim-reads.ts';
import { hastenIfReturned, returnIfHeld } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import { move } from '../store/job-update.ts';
import { findJob, wasReleased } from '../store/jobs.ts';
import { linksOf, readLinks, readSharersOf, toSyncedProjects } from '../store/linked-projects.ts';

export interface Release {
  jobId: string;
  holder: { machineId: string; leaseId: string };
  reason: ReleaseReason;
  /** A sentence of the runner. */
  message: string | undefined;
  /** How long the server must not hand out the job. If absent, the server decides. */
  retryAfterMs: number | undefined;
}

/** Returns the job in its new state. A repeated call gets the same answer and changes nothing. */
export async function releaseJob(
  deps: Deps,
  user: SignedIn,
  release: Release,
): Promise<Result<JobRow, Fenced>> {
  const { jobId, holder, reason } = release;
  const held = await jobUnderLease(deps, user, { jobId, holder });
  if (!held.ok || !isAllowed('return', held.value.status)) return repeatOf(deps, user, { release, held });
  const key = { userId: user.id, id: jobId };
  // Read the name of the machine only for this reason, because only this sentence contains the name.
  const machine = reason === 'session_in_use' ? await nameOf(deps, holder.machineId) : undefined;
  const error = releaseSentence(reason, release.message, machine);
  // The number of returns is the number of leases minus the number of counted attempts.
  const pauseMs = release.retryAfterMs ?? releasePauseMs(reason, held.value.leaseCount - held.value.attempt);
  const availableAt = pauseMs === undefined ? undefined : deps.now + pauseMs;
  // A return counts as a wait only if the reset is known. Otherwise the pauses of the machine decide.
  const isUsageWait = reason === 'usage_limited' && release.retryAfterMs !== undefined;
  const given = { ...holder, now: deps.now, error, availableAt, isUsageWait };
  const released = await move(deps.db, returnIfHeld(key, given));
  if (released === undefined) {
    const after = await jobUnderLease(deps, user, { jobId, holder });
    return repeatOf(deps, user, { release, held: after });
  }

  deps.log('job_released', { jobId, ...holder, reason });
  await forget(deps, user, release);
  await wakeForReleased(deps, user, { released, held: held.value });
  return accept(released);
}

async function nameOf(deps: Deps, machineId: string): Promise<string | undefined> {
  return (await deps.db.first<{ name: string }>(readMachine(machineId)))?.name;
}

/** Explains why nothing was written: the job was returned before, or this lease does not hold it. */
async function repeatOf(
  deps: Deps,
  user: SignedIn,
  { release, held }: { release: Release; held: Result<JobRow, Fenced> },
): Promise<Result<JobRow, Fenced>> {
  const { jobId, holder } = release;
  const isRepeat = await wasReleased(deps.db, { userId: user.id, id: jobId }, holder);
  const job = isRepeat ? await findJob(deps.db, user.id, jobId) : undefined;
  if (job !== undefined) {
    // The client repeats the call because the answer was lost. The notification of the object may be lost, too, so repeat it.
    await forget(deps, user, release);
    return accept((await hasten(deps, user, release)) ?? job);
  }
  const refused = held.ok ? wrongStatus(held.value) : held;
  deps.log('release_refused', { jobId, ...holder, code: refused.ok ? undefined : refused.refusal.code });
  return refused;
}

/** Shortens the pause of a returned job, because the session that was in use is free. */
async function hasten(
  deps: Deps,
  user: SignedIn,
  { jobId, holder, reason, retryAfterMs }: Release,
): Promise<JobRow | undefined> {
  // Only a pause after `session_in_use` can be shortened. Any other repeated call changes nothing.
  if (retryAfterMs === undefined || reason !== 'session_in_use') return undefined;
  const times = { now: deps.now, availableAt: deps.now + retryAfterMs };
  const hastened = await hastenIfReturned(deps.db, { userId: user.id, id: jobId }, { ...holder, ...times });
  if (hastened === undefined) return undefined;
  deps.log('job_hastened', { jobId, ...holder });
  await wakeForReleased(deps, user, { released: hastened, held: hastened });
  return hastened;
}

/** Tells the object to drop the lease and read the queue, because the session is free. A lost call only causes a delay. */
async function forget(deps: Deps, user: SignedIn, { jobId, holder }: Release): Promise<void> {
  await deps.machines.tell({ userId: user.id, machineId: holder.machineId }, async (stub) =>
    stub.forget({ jobId, leaseId: holder.leaseId }),
  );
}

/** Wakes the machines that can run the job, and the machines that can use its session for other jobs. */
async function wakeForReleased(
  deps: Deps,
  { id: userId }: SignedIn,
  { released, held }: { released: JobRow; held: JobRow },
): Promise<void> {
  const target = targetOf(released);
  const [projects, sessions, sharers] = await deps.db.batch([
    ...readLinks(userId, linksOf([target])),
    readSharersOf(userId, held),
  ]);
  const routes = routesFor(target, toSyncedProjects(projects, sessions));
  wakeAt(deps, { userId, routes, at: released.availableAt });
  wakeMachines(deps, userId, sharersIn(sharers));
}
