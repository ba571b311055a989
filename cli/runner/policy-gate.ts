/** The local policy as the runner meets it: before a claim, and before an agent starts. */

import type { Surroundings } from '../context.ts';
import { askAtTerminal } from '../policy/ask-at-terminal.ts';
import { type JobAtPlace, PolicyDesk } from '../policy/policy-desk.ts';
import type { ClaimedJob } from './claimed-job.ts';
import { failedResult } from './result.ts';
import type { StopSwitch } from './stop-switch.ts';
import type { JobGate, JobVerdict } from './work-context.ts';
import type { Placement } from './workplace.ts';

/** The desk of a runner; whoever sits at its terminal is asked when the policy says so. */
export function policyDesk(
  { env, stdin, stderr }: Pick<Surroundings, 'env' | 'stdin' | 'stderr'>,
  draining: AbortSignal,
): PolicyDesk {
  return new PolicyDesk({
    env,
    now: Date.now,
    ask: askAtTerminal({ stdin, stderr, draining }),
  });
}

/** The rules at the place where a job is about to run. */
export function policyGate(desk: PolicyDesk): JobGate {
  return (job, placement, { stopSwitch }) => reviewUntilStopped(desk, jobAtPlace(job, placement), stopSwitch);
}

/**
 * Whoever stops the job while a person is asked refuses nothing: the run itself tells why it never began. A runner that
 * only finishes its work leaves the question open.
 */
export async function reviewUntilStopped(
  desk: PolicyDesk,
  job: JobAtPlace,
  stopSwitch: StopSwitch,
): Promise<JobVerdict> {
  const stopped = new AbortController();
  void stopSwitch.asked.then(() => stopped.abort());
  const review = await desk.review(job, stopped.signal);
  if (review.kind === 'allowed') return { kind: 'passed', limits: review.limits };
  if (stopSwitch.reason !== undefined) return { kind: 'passed', limits: { settings: {} } };
  return { kind: 'refused', result: failedResult('policy_denied', review.message, new Date()) };
}

/** The job where it would run, as the rules look at it. */
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
    // Resolved when it was read, and not again: the rules look at the folder that the agent is started in.
    cwd: session.project_root,
    sessions: [session.orp_session_id, codexSessionId],
  };
}
