/**
 * One cycle of the compatibility path: find a review that can run here, claim it, run it, answer it. A dry run shows each
 * review before the claim, so a review that cannot run here stays in the queue.
 */

import { randomUUID } from 'node:crypto';
import { CliError, EXIT_INTERRUPTED, messageOf } from '../../base/exit.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import { resolvePath } from '../../files/paths.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import { inspectRoots } from '../../records/sync-payload.ts';
import { reviewUntilStopped } from '../agent-run/policy-gate.ts';
import { neverRan, runPrompt } from '../agent-run/prompt-run.ts';
import type { JsonBody, Reply } from '../job/hosted-api.ts';
import type { WorkerBlock } from '../job/job-report.ts';
import { failedResult } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { JobLease } from '../lease/job-lease.ts';
import { describePutBack } from '../lease/lease-moves.ts';
import { recoverSpools } from '../lease/recovery.ts';
import { ClaimGate } from '../loop/claim-gate.ts';
import { refuseDryRun } from '../loop/claimer.ts';
import type { CycleOutcome } from '../loop/documents.ts';
import type { ResultRecord } from '../spool/records.ts';
import { dryRunReview, IDLE_REVIEWS, reviewOutcome } from './documents.ts';
import { type AgentAnswer, type AgentJob, readAgentAnswer, type Unusable } from './held-job.ts';
import type { AgentService } from './hosted.ts';

/** The maximum number of requests for a review in one cycle. Each request excludes the repositories of the earlier ones. */
const MOST_QUESTIONS = 100;

export interface AgentCycleOptions {
  context: WorkContext & { service: AgentService };
  policy: OwnerPolicy;
  /** The selector of `--agent`. If absent, any review matches. */
  agent: string | undefined;
  /** Called when a review begins. */
  onBusy(): void;
  /** Called when the review has ended. */
  onIdle(): void;
}

export class AgentCycle {
  readonly #options: AgentCycleOptions;
  readonly #gate: ClaimGate;
  /** The reported reasons why a review cannot run here. */
  readonly #reported = new Set<string>();
  #atWork: string | undefined;
  /** The id of a claim that has no answer yet. A repeated claim with the same id returns the same review. */
  #claimId: string | undefined;

  constructor(options: AgentCycleOptions) {
    const { context, policy } = options;
    this.#options = options;
    this.#gate = new ClaimGate(context, { policy, claims: 'reviews' });
  }

  /** The running review, for the message at shutdown. */
  get jobsAtWork(): readonly string[] {
    return this.#atWork === undefined ? [] : [this.#atWork];
  }

  /** @param isDry shows which review would be claimed, and claims none */
  async run(isDry: boolean): Promise<CycleOutcome> {
    if (isDry) {
      const refusal = await refuseDryRun(this.#options.context.service);
      if (refusal !== undefined) throw asError(refusal);
      return this.#findAndWork(true);
    }
    await this.#recover();
    const obstacle = await this.#gate.check();
    if (obstacle !== undefined) throw obstacle.error;
    return this.#findAndWork(false);
  }

  async #recover(): Promise<void> {
    const { context } = this.#options;
    await recoverSpools(context, {
      isBusy: () => false,
      signal: context.shutdown,
      onRecovered: async () => undefined,
    });
  }

  async #findAndWork(isDry: boolean): Promise<CycleOutcome> {
    const without: string[] = [];
    for (let questions = 0; questions < MOST_QUESTIONS; questions += 1) {
      const answer = await this.#judge(await this.#ask({ isDry: true, without }));
      if (answer.kind === 'idle') return IDLE_REVIEWS;
      if (answer.kind === 'unusable') {
        await this.#refuse(answer);
        without.push(answer.projectRoot);
        continue;
      }
      if (isDry) return dryRunReview(answer.found);
      const taken = answer.isTaken ? answer.found : await this.#take(answer.found);
      // Another worker was faster; there may be another review.
      if (taken !== undefined) return this.#begin(taken);
    }
    return IDLE_REVIEWS;
  }

  async #take(found: AgentJob): Promise<AgentJob | undefined> {
    this.#requireTime('Interrupted before a review was claimed.');
    this.#claimId ??= randomUUID();
    const asked = await this.#ask({ claimId: this.#claimId, projectRoot: found.projectRoot });
    this.#claimId = undefined;
    const answer = await this.#judge(asked);
    if (answer.kind === 'unusable') await this.#refuse(answer);
    return answer.kind === 'job' ? answer.found : undefined;
  }

  /** Checks that the repository and the session from the server are linked and registered here. */
  async #judge(answer: AgentAnswer): Promise<AgentAnswer> {
    if (answer.kind !== 'job') return answer;
    const { found, isTaken } = answer;
    const why = await whyNotLinked(found, { env: this.#options.context.env, now: Date.now() });
    if (why === undefined) return answer;
    const { projectRoot, checkpointId } = found;
    return { kind: 'unusable', projectRoot, why, isTaken, checkpointId };
  }

  async #ask(question: Parameters<AgentService['ask']>[0]): Promise<AgentAnswer> {
    const { context, agent } = this.#options;
    const reply = await context.service.ask({ agent, ...question });
    if (reply.kind !== 'ok') throw asError(reply);
    return readAgentAnswer(reply.value, reply.account);
  }

  /**
   * Leaves the review in the queue. If the review names no repository to exclude, the next request would return it again, so
   * the cycle ends. If the server has already handed out the review, the runner answers it.
   */
  async #refuse({ why, projectRoot, isTaken, checkpointId }: Unusable): Promise<void> {
    const { service } = this.#options.context;
    if (isTaken && checkpointId !== '') {
      const report = { success: false, summary: null, content: null, error: `It cannot run here: ${why}.` };
      await service.complete({ jobId: checkpointId, leaseId: undefined, checkpointId }, report);
    }
    if (projectRoot === '' || isTaken) {
      throw new CliError(`The server hands out a review that cannot run here: ${why}.`, {
        code: 'unexpected_answer',
        hint: 'Link the repository with `orp link project bind`, and its session with `orp link session register`.',
      });
    }
    if (!this.#reported.has(why)) this.#options.context.reporter.warn(`A review stays in the queue: ${why}.`);
    this.#reported.add(why);
  }

  /** Throws if the worker was asked to exit, so that it begins no review. */
  #requireTime(message: string): void {
    if (this.#options.context.isDraining()) throw interrupted(message);
  }

  async #begin(found: AgentJob): Promise<CycleOutcome> {
    const { job, lease } = found.claim;
    // Without a lease the review would not go back to the queue.
    if (lease !== undefined)
      this.#requireTime(`Review ${job.id} was not started; it goes back to the queue.`);
    const { context, onBusy, onIdle } = this.#options;
    const held = JobLease.claimed(context, found.claim, undefined);
    this.#atWork = job.id;
    onBusy();
    try {
      await held.begin();
      return await this.#work(found, held);
    } finally {
      await held.close();
      this.#atWork = undefined;
      onIdle();
    }
  }

  async #work(found: AgentJob, lease: JobLease): Promise<CycleOutcome> {
    const { reporter, service } = this.#options.context;
    const beganAt = performance.now();
    lease.startHeartbeats();
    const ended = await this.#conclude(found, lease);
    if (ended === undefined) return this.#leaveToQueue(lease);
    const { result, worker } = ended;
    if (worker !== undefined) service.keepWorker(lease.held.jobId, worker);
    const delivery = await lease.deliver(result);
    if (delivery.kind !== 'delivered') reporter.warn(`The answer is not delivered: ${delivery.message}`);
    const response = delivery.kind === 'delivered' ? delivery.body : undefined;
    return reviewOutcome({ ...found, beganAt }, { result, worker, response });
  }

  /** Leaves the review to its lease: these routes cannot return a review, and the server queues it when the lease expires. */
  async #leaveToQueue(lease: JobLease): Promise<never> {
    await lease.abandon();
    throw interrupted(`Nobody answered the question. ${describePutBack(lease.held.jobId, false)}`);
  }

  /**
   * Returns the answer to the review. A failure also becomes an answer, so no claimed review is dropped. Returns undefined if
   * a person left the question and the lease will return the review to the queue.
   */
  async #conclude(
    found: AgentJob,
    lease: JobLease,
  ): Promise<{ result: ResultRecord; worker?: WorkerBlock } | undefined> {
    const { context, policy } = this.#options;
    const { cwd, codexSessionId } = found;
    const { job } = found.claim;
    try {
      const { id, kind, prompt, createdBy: sender } = job;
      const place = { id, kind, prompt, sender, repository: cwd, cwd, sessions: [codexSessionId] };
      const verdict = await reviewUntilStopped(policy, place, lease);
      if (verdict.kind === 'refused') return verdict;
      if (verdict.kind === 'stopped') return { result: neverRan(verdict.reason) };
      if (verdict.kind === 'unanswered') return undefined;
      return await runPrompt(context, lease, { job, cwd, codexSessionId, policy: verdict.limits });
    } catch (error) {
      const why = `The runner could not work on it: ${messageOf(error)}`;
      return { result: failedResult('agent_error', why, new Date()) };
    }
  }
}

function interrupted(message: string): CliError {
  return new CliError(message, { code: 'interrupted', exitCode: EXIT_INTERRUPTED });
}

function asError(reply: Exclude<Reply<JsonBody>, { kind: 'ok' }>): CliError {
  const { message, details } = reply;
  if (reply.kind === 'unauthenticated') {
    return new CliError(message, { code: 'unauthenticated', hint: 'Run `orp auth login`.', details });
  }
  return new CliError(message, { code: reply.code, hint: hintOf(reply), details });
}

function hintOf({ kind, code }: { kind: 'refused' | 'unavailable'; code: string }): string {
  if (kind === 'unavailable') return 'Nothing was started. Run it again later.';
  return code === NOT_OFFERED
    ? 'No request was sent and nothing was claimed. Without --dry-run a review is claimed and runs.'
    : 'Nothing was started. `orp whoami` shows which account asked.';
}

/**
 * Returns why a review may not run here, or undefined. The server only names a repository and a session; the records of this
 * machine decide whether they are linked.
 */
export async function whyNotLinked(
  { cwd, codexSessionId }: Pick<AgentJob, 'cwd' | 'codexSessionId'>,
  { env, now }: { env: NodeJS.ProcessEnv; now: number },
): Promise<string | undefined> {
  const [candidate] = await inspectRoots({ roots: [cwd], env, now });
  if (candidate?.kind !== 'linked') return `its repository ${cwd} is not linked on this machine`;
  // The policy may name the repository, so a folder inside it must not be used instead.
  if (resolvePath('/', cwd) !== resolvePath('/', candidate.linked.link.project_root))
    return `its folder ${cwd} is not the one that is linked on this machine`;
  const isRegistered = candidate.linked.sessions.some(
    ({ record }) =>
      record.agent === undefined &&
      record.codex_session_id === codexSessionId &&
      record.state === 'active' &&
      !record.archived,
  );
  return isRegistered ? undefined : `its session ${codexSessionId} is not an active session of ${cwd}`;
}
