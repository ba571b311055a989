/** Polls for work: it sends a heartbeat, then the poll. Every claim uses this code, whatever woke the runner. */

import { randomUUID } from 'node:crypto';
import { NOT_OFFERED, notOffered } from '../../client/offers.ts';
import type { Candidate } from '../../records/sync-payload.ts';
import type { ShownPause } from '../job/claim-pause.ts';
import { readPollAnswer } from '../job/claimed-job.ts';
import type { HostedApi, JsonBody, Reply } from '../job/hosted-api.ts';
import type { BeatRecord, WorkContext } from '../job/work-context.ts';
import { type PlacedClaim, placeJob, type Workplace, workplacesOf } from '../job/workplace.ts';
import type { CycleFacts, IdleBeat } from './documents.ts';

export type PollResult =
  | { kind: 'idle'; facts: CycleFacts }
  /** The server, or a person at this machine, has ordered the runner to finish its jobs and claim nothing. */
  | { kind: 'draining'; facts: CycleFacts }
  | ClaimedPoll
  /** Every repository already has a job, so the server was not asked. */
  | { kind: 'full' }
  | UnansweredPoll;

/** A job for this machine. In a dry run it is not claimed. */
export interface ClaimedPoll extends PlacedClaim {
  kind: 'job';
  facts: CycleFacts;
}

export type UnansweredPoll =
  /** The server handed out a job that the runner cannot read. */
  { kind: 'malformed'; message: string } | Exclude<Reply<never>, { kind: 'ok' }>;

export interface ClaimerPlan {
  /** Reads the candidate roots again for each poll, because sessions may change while the runner runs. */
  findCandidates(): Promise<Candidate[]>;
  /** The root of `--repo-root`. */
  defaultRoot: string;
  /** The repositories that can take a job now. */
  freeAmong(workplaces: readonly Workplace[]): readonly Workplace[];
}

export class Claimer {
  readonly #context: WorkContext;
  readonly #plan: ClaimerPlan;
  /**
   * Kept while a poll is unanswered, because a repeated poll with the same id returns the same lease and not a second job.
   */
  #claimId: string | undefined;
  /** Time of the next poll, on the monotonic clock. The first poll happens at once. */
  #beatAt = performance.now();
  /** The pause that was last sent to the server. */
  #toldPause: ShownPause | undefined;

  constructor(context: WorkContext, plan: ClaimerPlan) {
    this.#context = context;
    this.#plan = plan;
  }

  /**
   * Polls for at most one job.
   * @param isDry asks which job would be claimed, and claims nothing
   */
  async poll(isDry = false): Promise<PollResult> {
    const candidates = await this.#plan.findCandidates();
    const workplaces = workplacesOf(candidates);
    const free = this.#plan.freeAmong(workplaces);
    if (free.length === 0 && workplaces.length > 0) return { kind: 'full' };
    const { service, local, isDraining } = this.#context;
    const refusal = isDry ? await refuseDryRun(service) : undefined;
    if (refusal !== undefined) return refusal;
    const beat = await service.heartbeat({}, isDraining());
    if (beat.kind !== 'ok') return beat;
    this.#beatAt = performance.now();
    const recorded = await local.recordBeat(free[0]?.linked);
    const facts: CycleFacts = {
      beat: describeBeat(beat.value.body, recorded),
      candidateRoots: candidates.map((candidate) => candidate.root),
      root: this.#plan.defaultRoot,
    };
    // Without a free repository, every claimed job would fail.
    if (free.length === 0) return { kind: 'idle', facts };
    if (beat.value.drain || isDraining()) return { kind: 'draining', facts };

    const reply = await this.#ask(free, isDry);
    if (reply.kind !== 'ok') return reply;
    const answer = readPollAnswer(reply.value);
    if (answer.kind === 'malformed') return answer;
    if (answer.kind === 'idle') return { kind: 'idle', facts };
    const { job, raw, lease } = answer;
    // Use all workplaces, because the job may belong to a repository that is busy now.
    const placement = placeJob(job, workplaces, this.#plan.defaultRoot);
    return { kind: 'job', facts, placement, claim: { job, raw, lease, account: reply.account } };
  }

  /** Sends a heartbeat if the last one is older than this. Used while no channel is open. The next poll reports failures. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (performance.now() - this.#beatAt < quietMs) return;
    this.#beatAt = performance.now();
    const { service, isDraining } = this.#context;
    await service.heartbeat({}, isDraining());
  }

  /** Sends a new pause to the server once, or its end (undefined). */
  async tellPause(pause: ShownPause | undefined): Promise<void> {
    if (isSamePause(pause, this.#toldPause)) return;
    if (pause === undefined) {
      this.#toldPause = undefined;
      return;
    }
    const { service, isDraining } = this.#context;
    this.#beatAt = performance.now();
    const beat = await service.heartbeat({}, isDraining());
    if (beat.kind === 'ok') this.#toldPause = pause;
  }

  async #ask(free: readonly Workplace[], isDry: boolean): Promise<Reply<JsonBody>> {
    const { service } = this.#context;
    const projectRoots = free.map((workplace) => workplace.project.project_root);
    if (isDry) return service.poll({ dryRun: true, projectRoots });
    this.#claimId ??= randomUUID();
    const reply = await service.poll({ claimId: this.#claimId, projectRoots });
    // The poll was answered, so the next poll is a new claim.
    if (reply.kind === 'ok' || reply.kind === 'refused') this.#claimId = undefined;
    return reply;
  }
}

function isSamePause(one: ShownPause | undefined, other: ShownPause | undefined): boolean {
  return one?.code === other?.code && one?.message === other?.message && one?.until === other?.until;
}

/**
 * Refuses a dry run if the server does not support it. Such a server would hand out a real job, and the runner would not run
 * it.
 */
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
