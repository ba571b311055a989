/** Applies the local policy before a claim and before an agent starts. */

import type { Context } from '../../output/context.ts';
import { askAtTerminal } from '../../policy/ask-at-terminal.ts';
import { type JobAtPlace, OwnerPolicy } from '../../policy/owner-policy.ts';
import type { ClaimedJob } from '../job/claimed-job.ts';
import { failedResult } from '../job/result.ts';
import type { AskedLease, JobGate, JobVerdict } from '../job/work-context.ts';
import type { Placement } from '../job/workplace.ts';

/** The signals by which a question at the terminal learns that the runner exits. */
interface Ending {
  readonly draining: AbortSignal;
  inputEnded(): void;
}

/** Creates the policy of a runner. It asks the person at the terminal if the rules require that. */
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

/** Creates the check that applies the policy to a job and its place. */
export function policyGate(policy: OwnerPolicy): JobGate {
  return (job, placement, lease) => reviewUntilStopped(policy, jobAtPlace(job, placement), lease);
}

const LEFT = 'The person at the terminal did not answer whether the job may run.';

/**
 * Reviews a job. If the job is stopped during the question, the question is withdrawn and nothing is decided. If the person
 * leaves the question, nothing is decided either, except for a job without a lease, which could not return to the queue.
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

/** Returns the facts about a job and its place that the rules need. */
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
    // Do not resolve the path again: the policy must judge the same folder in which the agent starts.
    cwd: session.project_root,
    sessions: [session.orp_session_id, codexSessionId],
  };
}
