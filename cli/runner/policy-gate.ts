/** The local policy as the runner meets it: before a claim, before an agent starts, and when quiet hours are over. */

import type { Surroundings } from '../context.ts';
import { resolvePath } from '../link/paths.ts';
import { askAtTerminal } from '../policy/ask-at-terminal.ts';
import { type JobAtPlace, PolicyDesk } from '../policy/policy-desk.ts';
import type { ClaimedJob } from './claimed-job.ts';
import type { Placement } from './workplace.ts';

/** Quiet hours begin and end with a minute; a changed clock or file is noticed as soon. */
const WATCH_MS = 60_000;

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

/** Looks once a minute whether the gate opened again; returns what ends the watch. */
export function watchGate(desk: PolicyDesk, onOpen: () => void): () => void {
  let wasOpen = desk.gate().kind === 'open';
  const timer = setInterval(() => {
    const isOpen = desk.gate().kind === 'open';
    if (isOpen && !wasOpen) onOpen();
    wasOpen = isOpen;
  }, WATCH_MS);
  timer.unref();
  return () => clearInterval(timer);
}
