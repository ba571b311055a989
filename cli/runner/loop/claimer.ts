/** One look for work: a sign of life, then the poll. The claim always goes this way, whatever woke the runner. */

import { randomUUID } from 'node:crypto';
import { NOT_OFFERED, notOffered } from '../../client/offers.ts';
import type { Account } from '../../records/remote-session.ts';
import { type ClaimedJob, type Lease, readPollAnswer } from '../job/claimed-job.ts';
import type { HostedApi, JsonBody, Reply } from '../job/hosted-api.ts';
import type { BeatRecord, WorkContext } from '../job/work-context.ts';
import type { Workplace } from '../job/workplace.ts';

/** The heartbeat before the poll, as the documents show it. */
export interface IdleBeat extends Partial<BeatRecord> {
  ok: true;
  heartbeat_at_utc: string;
  job_id: '';
  lease_id: '';
  response: JsonBody;
}

export type PollResult =
  | { kind: 'idle'; beat: IdleBeat }
  /** The service, or a person here, asks this machine to finish and claim nothing. */
  | { kind: 'draining'; beat: IdleBeat }
  | {
      kind: 'job';
      beat: IdleBeat;
      job: ClaimedJob;
      raw: JsonBody;
      lease: Lease | undefined;
      account?: Account | undefined;
    }
  /** Every repository is at work already; nobody was asked. */
  | { kind: 'full' }
  /** The service handed out something that cannot be worked on. */
  | { kind: 'malformed'; message: string }
  | Exclude<Reply<never>, { kind: 'ok' }>;

export class Claimer {
  readonly #context: WorkContext;
  /** Kept while a poll is unanswered: repeating it brings the same lease instead of a second job. */
  #claimId: string | undefined;
  /** On the monotonic clock; the first look comes at once. */
  #beatAt = performance.now();

  constructor(context: WorkContext) {
    this.#context = context;
  }

  /**
   * Asks for at most one job for these repositories.
   * @param isDry asks what would be claimed, and claims nothing
   */
  async poll(workplaces: readonly Workplace[], isDry = false): Promise<PollResult> {
    const { service, local, isDraining } = this.#context;
    const obstacle = isDry ? await refuseDryRun(service) : undefined;
    if (obstacle !== undefined) return obstacle;
    const beat = await service.heartbeat({}, isDraining());
    if (beat.kind !== 'ok') return beat;
    this.#beatAt = performance.now();
    const recorded = await local.recordBeat(workplaces[0]?.linked);
    const idleBeat = describeBeat(beat.value.body, recorded);
    // Without a repository there is nothing to ask for; everything claimed would fail.
    if (workplaces.length === 0) return { kind: 'idle', beat: idleBeat };
    if (beat.value.drain || isDraining()) return { kind: 'draining', beat: idleBeat };

    const projectRoots = workplaces.map((workplace) => workplace.project.project_root);
    const reply = isDry
      ? await service.poll({ dryRun: true, projectRoots })
      : await service.poll({ claimId: this.#openClaim(), projectRoots });
    if (reply.kind === 'unavailable' || reply.kind === 'unauthenticated') return reply;
    // Answered: the next poll is another claim.
    this.#claimId = undefined;
    if (reply.kind === 'refused') return reply;
    const answer = readPollAnswer(reply.value);
    switch (answer.kind) {
      case 'idle':
        return { kind: 'idle', beat: idleBeat };
      case 'malformed':
        return answer;
      case 'job':
        return {
          kind: 'job',
          beat: idleBeat,
          job: answer.job,
          raw: answer.raw,
          lease: answer.lease,
          account: reply.account,
        };
    }
  }

  /** A sign of life for a machine that is not listening, when the last one is this long ago. It may fail: a look tells. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (performance.now() - this.#beatAt < quietMs) return;
    this.#beatAt = performance.now();
    const { service, isDraining } = this.#context;
    await service.heartbeat({}, isDraining());
  }

  /** Lets the server know of a pause as soon as it begins; returns whether it does. */
  async tellPause(): Promise<boolean> {
    const { service, isDraining } = this.#context;
    this.#beatAt = performance.now();
    return (await service.heartbeat({}, isDraining())).kind === 'ok';
  }

  #openClaim(): string {
    this.#claimId ??= randomUUID();
    return this.#claimId;
  }
}

/** Where a server does not know dry runs, the poll would hand the job out, for nobody. */
export async function refuseDryRun(
  service: Pick<HostedApi, 'offers' | 'baseUrl'>,
): Promise<Exclude<Reply<never>, { kind: 'ok' }> | undefined> {
  const offered = await service.offers('dry-run');
  if (offered.kind !== 'ok') return offered;
  if (offered.value) return undefined;
  const { message } = notOffered('dry-run', service.baseUrl);
  return { kind: 'refused', status: 0, code: NOT_OFFERED, message };
}

function describeBeat(response: JsonBody, recorded: BeatRecord | undefined): IdleBeat {
  const heartbeat_at_utc = `${new Date().toISOString().slice(0, 19)}Z`;
  return { ok: true, ...recorded, heartbeat_at_utc, job_id: '', lease_id: '', response };
}
