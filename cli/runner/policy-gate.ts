/** The local policy as the runner meets it: before a claim, and before an agent starts. */

import type { Surroundings } from '../context.ts';
import { resolvePath } from '../link/paths.ts';
import { askAtTerminal } from '../policy/ask-at-terminal.ts';
import { type JobAtPlace, PolicyDesk } from '../policy/policy-desk.ts';
import type { ClaimedJob } from './claimed-job.ts';
import { failedResult } from './result.ts';
import type { JobGate } from './work-context.ts';
import type { Placement } from './workplace.ts';

/** The desk of a runner; whoever sits at its terminal is asked when the policy says so. */
export function policyDesk({
  env,
  stdin,
  stderr,
}: Pick<Surroundings, 'env' | 'stdin' | 'stderr'>): PolicyDesk {
  return new PolicyDesk({
    env,
    now: Date.now,
    ask: askAtTerminal({ stdin, stderr }),
  });
}

/** The rules at the place where a job is about to run. Whoever stops the job meanwhile is told by the run itself. */
export function policyGate(desk: PolicyDesk, draining: AbortSignal): JobGate {
  return async (job, placement, { stopSwitch }) => {
    const stopped = new AbortController();
    void stopSwitch.asked.then(() => stopped.abort());
    const signal = AbortSignal.any([draining, stopped.signal]);
    const review = await desk.review(jobAtPlace(job, placement), signal);
    if (review.kind === 'allowed') return { kind: 'passed', limits: review.limits };
    if (stopSwitch.reason !== undefined) return { kind: 'passed', limits: { settings: {} } };
    return { kind: 'refused', result: failedResult('policy_denied', review.message, new Date()) };
  };
}

/** The job where it would run, as the rules look at it. */
export function jobAtPlace(
  job: ClaimedJob,
  { workplace, session, codexSessionId }: Extract<Placement, { kind: 'placed' }>,
): JobAtPlace {
  return {
    kind: job.kind,
    sender: job.createdBy,
    prompt: job.prompt,
    repository: workplace.linked.repository.root,
    cwd: resolvePath('/', session.project_root),
    sessions: [session.orp_session_id, codexSessionId],
  };
}
