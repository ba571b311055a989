/** Handles one poll: it asks the machine's object for a claim, and returns the job if there is one. */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { claimJob as claimRow } from '../../spec/contract/runner.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse, unreachable } from '../../spec/errors.ts';
import type { Route } from '../../spec/job/routing.ts';
import { confirmToken, forgetToken, type SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import type { ClaimOutcome } from '../base/machine-api.ts';
import { rememberClaim } from '../jobs/known-transcripts.ts';
import { foreignMachine } from '../machines/sync.ts';
import type { JobRow } from '../store/job-row.ts';
import { type HandedOutRow, handedOut, readHandedOut } from '../store/jobs.ts';

type Reply = Omit<ReplyInput<typeof claimRow>, 'ok'>;

export interface PollRequest {
  machineId: string;
  claimId?: string | undefined;
  instance?: string | undefined;
  projectRoots?: readonly string[] | undefined;
  dryRun: boolean;
  /** The kinds of job that the runner knows. If absent, the server assumes the kinds of v0.4.4. */
  kinds?: readonly string[] | undefined;
  /** The agents that the runner drives. If absent, the server assumes Codex. */
  agents?: readonly string[] | undefined;
}

export async function pollForJob(
  deps: Deps,
  user: SignedIn,
  asked: PollRequest,
): Promise<Result<Reply, 'not_found' | 'foreign_machine' | 'unauthenticated'>> {
  const { machineId, claimId, instance, projectRoots, dryRun, kinds, agents } = asked;
  const outcome: ClaimOutcome = await deps.machines.call({ userId: user.id, machineId }, async (stub) =>
    stub.claim({
      ...{ claimId, instance, projectRoots, dryRun, abilities: { kinds, agents } },
      ...(user.isUnconfirmed ? { tokenHash: user.tokenHash } : {}),
    }),
  );
  if (user.isUnconfirmed && outcome.kind !== 'unauthenticated') confirmToken(user, deps.now);
  switch (outcome.kind) {
    case 'idle':
      return accept({ job: null, drain: outcome.draining ?? false, ...(dryRun ? { dryRun } : {}) });
    case 'claimed':
      rememberClaim(outcome.job, deps.now);
      deps.log('job_claimed', {
        jobId: outcome.job.id,
        machineId,
        leaseId: outcome.job.leaseId ?? undefined,
      });
      return accept({
        job: {
          ...viewClaimed(outcome.job, outcome.prompt, routeOf(outcome.job)),
          earlierLeases: await earlierLeasesOf(deps, outcome),
        },
        leaseId: outcome.job.leaseId ?? '',
        leaseExpiresAt: new Date(outcome.job.leaseExpiresAt ?? deps.now).toISOString(),
        drain: false,
      });
    case 'would_claim':
      return accept({ job: viewClaimed(outcome.job, outcome.prompt, outcome.route), dryRun: true });
    case 'unauthenticated':
      forgetToken(user.tokenHash);
      return refuse('unauthenticated', 'The token was revoked.', 'Run orp auth login.');
    case 'unknown_machine':
      deps.log('poll_refused', { machineId, code: 'not_found' });
      return refuse('not_found', `Machine ${machineId} has never synced.`, 'Run orp runner sync.');
    case 'foreign_machine':
      deps.log('poll_refused', { machineId, code: 'foreign_machine' });
      return foreignMachine(machineId);
    default:
      return unreachable(outcome);
  }
}

/** During a deployment, an object of the version before sends a job without its earlier leases. Then they are read here. */
async function earlierLeasesOf(
  deps: Deps,
  {
    job,
    earlierLeases,
  }: Pick<Extract<ClaimOutcome, { kind: 'claimed' }>, 'job'> & { earlierLeases?: string[] },
): Promise<string[] | undefined> {
  if (job.attemptsUsed <= 1) return undefined;
  const row = earlierLeases === undefined ? await deps.db.first<HandedOutRow>(readHandedOut(job)) : undefined;
  const leases = row === undefined ? earlierLeases : handedOut(row).earlierLeases;
  return leases?.length === 0 ? undefined : leases;
}

type ClaimedRoute = Omit<Route, 'machineId' | 'ideaId' | 'worldId'>;

function routeOf(job: JobRow): ClaimedRoute {
  return {
    projectRoot: job.projectRoot ?? '',
    orpSessionId: job.orpSessionId ?? '',
    codexSessionId: job.codexSessionId ?? '',
    source: job.sessionSource ?? 'primary_session',
    fallbackReason: job.fallbackReason ?? undefined,
  };
}

/** Converts the claimed job. Its target is in `payload`, where the v0.4.4 client reads it. */
function viewClaimed(job: JobRow, prompt: string, route: ClaimedRoute): NonNullable<Reply['job']> {
  const ideaId = job.ideaId ?? undefined;
  const checkpointId = job.checkpointId ?? undefined;
  return {
    id: job.id,
    kind: job.kind,
    ideaId,
    checkpointId,
    attempt: job.attempt,
    onLeaseLoss: job.onLeaseLoss,
    timeoutSeconds: job.timeoutSeconds ?? undefined,
    createdBy: job.createdBy ?? undefined,
    expiresAt: iso(job.expiresAt),
    onUsageLimit: job.onUsageLimit,
    usageWaits: job.usageWaits > 0 ? job.usageWaits : undefined,
    payload: {
      prompt,
      ideaId,
      worldId: job.worldId ?? undefined,
      projectRoot: route.projectRoot,
      orpSessionId: route.orpSessionId,
      codexSessionId: route.codexSessionId,
      checkpointId,
    },
    selection: { source: route.source, fallbackReason: route.fallbackReason },
  };
}
