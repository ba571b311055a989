/** The local policy at the two places where the runner asks it: before a claim, and before an agent starts. */

import type { Context } from '../../output/context.ts';
import { askAtTerminal } from '../../policy/ask-at-terminal.ts';
import { type JobAtPlace, OwnerPolicy } from '../../policy/owner-policy.ts';
import type { ClaimedJob } from '../job/claimed-job.ts';
import { failedResult } from '../job/result.ts';
import type { AskedLease, JobGate, JobVerdict } from '../job/work-context.ts';
import type { Placement } from '../job/workplace.ts';

/** What a question at the terminal needs to know of the end of the runner. */
interface Ending {
  readonly draining: AbortSignal;
  inputEnded(): void;
}

/** The policy of a runner; it asks the person at the terminal when the rules say so. */
export function ownerPolicy(
  { env, stdin, stderr }: Pick<Context, 'env' | 'stdin' | 'stderr'>,
  drainSwitch: Ending,
): OwnerPolicy {
  const { draining } = drainSwitch;
  return new OwnerPolicy({
    env,
    now: Date.now,
    ask: askAtTerminal({ stdin, stderr, draining, onInputEnd: () => drainSwitch.inputEnded() }),
  });
}

/** The rules at the place where a job is about to run. */
export function policyGate(policy: OwnerPolicy): JobGate {
  return (job, placement, lease) => reviewUntilStopped(policy, jobAtPlace(job, placement), lease);
}

const LEFT = 'The person at the terminal left the question whether the job may run.';

/**
 * A stop while a person is being asked takes the question back and decides nothing. A question that the person leaves decides
 * nothing either, unless there is no lease that brings the job back to the queue.
 */
export async function reviewUntilStopped(
  policy: OwnerPolicy,
  job: JobAtPlace,
  lease: AskedLease,
): Promise<JobVerdict> {
  const { stopSwitch } = lease;
  const stopped = new AbortController();
  void stopSwitch.asked.then(() => stopped.abort());
  const review = await policy.review(job, { signal: stopped.signal, onAsk: () => lease.setAsking(true) });
  lease.setAsking(false);
  if (stopSwitch.reason !== undefined) return { kind: 'stopped', reason: stopSwitch.reason };
  if (review.kind === 'allowed') return { kind: 'passed', limits: review.limits };
  if (review.kind === 'unanswered') {
    if (lease.held.leaseId !== undefined) return review;
    return { kind: 'refused', result: failedResult('policy_denied', LEFT, new Date()) };
  }
  return { kind: 'refused', result: failedResult('policy_denied', review.message, new Date()) };
}

/** The job where it would run, as the rules see it. */
export function jobAtPlace(
  job: ClaimedJob,
  { workplace, session, codexSessionId }: Extract<Placement, { kind: 'placed' }>,
): JobAtPlace {
  return {
    id: job.id,
    kind: job.kind,
    sender: job.createdBy,
    prompt: job.prompt,
    repository: workplace.linked.repository.root,
    // Resolved when it was read, and not again: the rules judge the folder that the agent is started in.
    cwd: session.project_root,
    sessions: [session.orp_session_id, codexSessionId],
  };
}
