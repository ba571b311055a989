/**
 * Handles a heartbeat of a machine, and returns the state of its lease. A lost lease is reported in the body; the request
 * itself succeeds.
 */

import type { BodyOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import type { heartbeat as heartbeatRow } from '../../spec/contract/runner.ts';
import type { Result } from '../../spec/errors.ts';
import { accept } from '../../spec/errors.ts';
import type { SaidReport } from '../../spec/job/report.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { LeaseNews, SaidOfMachine } from '../base/machine-api.ts';
import { foreignMachine } from '../machines/sync.ts';

type Reply = Omit<ReplyInput<typeof heartbeatRow>, 'ok'>;

export async function sendHeartbeat(
  deps: Deps,
  user: SignedIn,
  body: BodyOf<typeof heartbeatRow>,
): Promise<Result<Reply, 'foreign_machine'>> {
  const beat = await deps.machines.call({ userId: user.id, machineId: body.machineId }, async (stub) =>
    stub.heartbeat({
      said: {
        name: body.machineName?.trim() || undefined,
        condition: conditionIn(body),
        report: reportIn(body),
      },
      jobId: body.jobId || undefined,
      leaseId: body.leaseId || undefined,
      isAsking: body.asking ?? false,
    }),
  );
  if (beat === undefined) return foreignMachine(body.machineId);
  return accept({
    ...(beat.lease === undefined ? {} : { lease: viewNews(beat.lease) }),
    ...(beat.draining ? { drain: true } : {}),
  });
}

function conditionIn({ condition }: BodyOf<typeof heartbeatRow>): SaidOfMachine['condition'] {
  if (condition === undefined) return undefined;
  const { code, message, until } = condition;
  return { code, message, ...(until === undefined ? {} : { until: Date.parse(until) }) };
}

function reportIn({ spool, agent }: BodyOf<typeof heartbeatRow>): SaidReport | undefined {
  if (spool === undefined && agent === undefined) return undefined;
  return {
    ...(spool === undefined
      ? {}
      : {
          spool: {
            ...spool,
            oldestAt: spool.oldestAt === undefined ? undefined : Date.parse(spool.oldestAt),
          },
        }),
    ...(agent === undefined ? {} : { agent }),
  };
}

/** Converts the state of a lease. If the lease is not live, the server accepts no result under it, so the agent must stop. */
function viewNews(news: LeaseNews): NonNullable<Reply['lease']> {
  if (news.valid)
    return { valid: true, expiresAt: new Date(news.expiresAt).toISOString(), action: 'continue' };
  return { valid: false, reason: news.reason, action: 'stop' };
}
