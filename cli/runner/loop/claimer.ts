/**
 * Polls for work. Every claim uses this code, whatever woke the runner. A heartbeat comes before the poll, except after a
 * hint of the server: then the poll itself is the sign of life, and its answer says whether the machine is drained.
 */

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

/** The server records at most one heartbeat in five minutes. */
const OLD_BEAT_MS = 5 * 60_000;

/** An answered heartbeat. */
interface Beat {
  /** The heartbeat's part of a JSON document. */
  shown: IdleBeat;
  isDrained: boolean;
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
  /** The pause at the last heartbeat. The server knows it until the next heartbeat. */
  #beatPause: ShownPause | undefined;
  /** True if a pause has ended but the server still shows this pause. */
  #mustClear = false;
  #lastBeat: Beat | undefined;
  /** True if the server counts a poll as a sign of life. Its last answer to a poll shows it. */
  #isPollEnough = false;

  constructor(context: WorkContext, plan: ClaimerPlan) {
    this.#context = context;
    this.#plan = plan;
  }

  /**
   * Polls for at most one job.
   * @param isDry asks which job would be claimed, and claims nothing
   * @param isHinted true if there may be work right now: the server says so, or a job has just ended
   */
  async poll(isDry = false, isHinted = false): Promise<PollResult> {
    const candidates = await this.#plan.findCandidates();
    const workplaces = workplacesOf(candidates);
    const free = this.#plan.freeAmong(workplaces);
    if (free.length === 0 && workplaces.length > 0) return { kind: 'full' };
    const { service, isDraining } = this.#context;
    const refusal = isDry ? await refuseDryRun(service) : undefined;
    if (refusal !== undefined) return refusal;
    const last = isHinted && !isDry ? this.#beatToSkip() : undefined;
    const beat = last === undefined ? await this.#beat(free[0]) : ({ kind: 'ok', value: last } as const);
    if (beat.kind !== 'ok') return beat;
    const facts: CycleFacts = {
      beat: beat.value.shown,
      candidateRoots: candidates.map((candidate) => candidate.root),
      root: this.#plan.defaultRoot,
    };
    // Without a free repository, every claimed job would fail.
    if (free.length === 0) return { kind: 'idle', facts };
    if (beat.value.isDrained || isDraining()) return { kind: 'draining', facts };

    const reply = await this.#ask(free, isDry);
    if (reply.kind !== 'ok') return reply;
    const answer = readPollAnswer(reply.value);
    if (answer.kind === 'malformed') return answer;
    if (answer.kind === 'idle') {
      // If the runner polls only after hints of the server, its report must still be sent from time to time.
      if (last !== undefined) this.beatIfQuiet(OLD_BEAT_MS).catch(() => undefined);
      return { kind: reply.value.drain === true ? 'draining' : 'idle', facts };
    }
    const { job, raw, lease } = answer;
    // Use all workplaces, because the job may belong to a repository that is busy now.
    const placement = placeJob(job, workplaces, this.#plan.defaultRoot);
    return { kind: 'job', facts, placement, claim: { job, raw, lease, account: reply.account } };
  }

  async #beat(workplace?: Workplace): Promise<Reply<Beat>> {
    const { service, local, isDraining, claimPause } = this.#context;
    const pause = claimPause.current;
    const beat = await service.heartbeat({}, isDraining());
    if (beat.kind !== 'ok') return beat;
    this.#beatAt = performance.now();
    this.#beatPause = pause;
    this.#mustClear = false;
    const recorded = await local.recordBeat(workplace?.linked);
    this.#lastBeat = { shown: describeBeat(beat.value.body, recorded), isDrained: beat.value.drain };
    return { kind: 'ok', value: this.#lastBeat };
  }

  /** Returns the last heartbeat if the next poll needs no new one. A heartbeat is needed to clear or change a pause. */
  #beatToSkip(): Beat | undefined {
    const isSame = this.#context.claimPause.current === this.#beatPause;
    if (!this.#isPollEnough || !isSame || this.#mustClear || this.#lastBeat === undefined) return undefined;
    // The poll reads whether the machine is drained now.
    return { ...this.#lastBeat, isDrained: false };
  }

  /** Sends a heartbeat if the last one is older than this. Used while no channel is open. The next poll reports failures. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (performance.now() - this.#beatAt < quietMs) return;
    this.#beatAt = performance.now();
    await this.#beat();
  }

  /** Sends a new pause to the server once, or its end (undefined). */
  async tellPause(pause: ShownPause | undefined): Promise<void> {
    if (isSamePause(pause, this.#toldPause)) return;
    if (pause === undefined) {
      this.#mustClear = true;
      this.#toldPause = undefined;
      return;
    }
    const beat = await this.#beat();
    this.#beatAt = performance.now();
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
    if (reply.kind === 'ok') this.#isPollEnough = typeof reply.value.drain === 'boolean';
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
