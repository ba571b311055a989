/**
 * One cycle of the compatibility path: look for a review that can run here, take it, run it, answer it. What cannot run
 * here is left in the queue, because it is looked at before it is taken.
 */

import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { CliError, EXIT_INTERRUPTED, messageOf } from '../../base/exit.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import { resolvePath } from '../../files/paths.ts';
import { type JobEnd, jobEndLine } from '../../output/job-words.ts';
import { said } from '../../output/page.ts';
import type { Line } from '../../output/print.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import type { Account } from '../../records/remote-session.ts';
import { inspectRoots } from '../../records/sync-payload.ts';
import { reviewUntilStopped } from '../agent-run/policy-gate.ts';
import { neverRan, runPrompt } from '../agent-run/prompt-run.ts';
import { describePause } from '../job/claim-pause.ts';
import type { JsonBody, Reply } from '../job/hosted-api.ts';
import type { WorkerBlock } from '../job/job-report.ts';
import { failedResult } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { JobLease } from '../lease/job-lease.ts';
import { describePutBack } from '../lease/put-back.ts';
import { recoverSpools } from '../lease/recovery.ts';
import { refuseDryRun } from '../loop/claimer.ts';
import type { CycleOutcome } from '../loop/documents.ts';
import type { ResultRecord } from '../spool/records.ts';
import { type AgentAnswer, type AgentJob, readAgentAnswer, type Unusable } from './held-job.ts';
import { type AgentService, structuredOf } from './hosted.ts';

/** Reviews that are looked at in one cycle before it gives up; each of them is for another repository. */
const MOST_LOOKS = 100;

export interface AgentCycleOptions {
  context: WorkContext & { service: AgentService };
  policy: OwnerPolicy;
  /** The selector of `--agent`; absent: any review. */
  agent: string | undefined;
  /** A review begins. */
  onBusy(): void;
  /** It ended. */
  onIdle(): void;
}

export class AgentCycle {
  readonly #options: AgentCycleOptions;
  /** What was said once of what cannot run here. */
  readonly #told = new Set<string>();
  #atWork: string | undefined;
  /** Kept while a claim is unanswered: repeating it brings the same review. */
  #claimId: string | undefined;

  constructor(options: AgentCycleOptions) {
    this.#options = options;
  }

  /** The review that is at work, for the sentence of whoever ends this. */
  get jobsAtWork(): readonly string[] {
    return this.#atWork === undefined ? [] : [this.#atWork];
  }

  /** @param isDry shows what would be taken, and takes nothing */
  async run(isDry: boolean): Promise<CycleOutcome> {
    const { context, policy } = this.#options;
    if (isDry) {
      const obstacle = await refuseDryRun(context.service);
      if (obstacle !== undefined) throw asError(obstacle);
      return this.#look(true);
    }
    await this.#recover();
    const pause = context.claimPause.current;
    if (pause !== undefined) {
      const hint = 'The reviews stay in the queue.';
      throw new CliError(describePause(pause), { code: 'claiming_paused', hint });
    }
    const wait = policy.reasonToWait();
    if (wait !== undefined) {
      throw new CliError(wait.message, {
        code: 'claiming_paused',
        hint: '`orp runner policy show` tells the rules.',
      });
    }
    const agent = await context.agent.findProgram();
    if (agent.kind === 'missing')
      throw new CliError(agent.message, { code: 'agent_missing', hint: agent.hint });
    return this.#look(false);
  }

  /** Under whose sign-in the service last answered: whose review it is. */
  #account: Account | undefined;

  async #recover(): Promise<void> {
    const { context } = this.#options;
    await recoverSpools(context, {
      isBusy: () => false,
      signal: context.shutdown,
      onRecovered: async () => undefined,
    });
  }

  async #look(isDry: boolean): Promise<CycleOutcome> {
    const without: string[] = [];
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const answer = await this.#judge(readAgentAnswer(await this.#ask({ isDry: true, without })));
      if (answer.kind === 'idle') return IDLE;
      if (answer.kind === 'unusable') {
        await this.#refuse(answer);
        without.push(answer.projectRoot);
        continue;
      }
      if (isDry) return dryRun(answer.found);
      const taken = answer.isTaken ? answer.found : await this.#take(answer.found);
      // Somebody was faster; there may be another one.
      if (taken !== undefined) return this.#begin(taken);
    }
    return IDLE;
  }

  async #take(found: AgentJob): Promise<AgentJob | undefined> {
    this.#requireTime('Interrupted before a review was claimed.');
    this.#claimId ??= randomUUID();
    const body = await this.#ask({ claimId: this.#claimId, projectRoot: found.projectRoot });
    this.#claimId = undefined;
    const answer = await this.#judge(readAgentAnswer(body));
    if (answer.kind === 'unusable') await this.#refuse(answer);
    return answer.kind === 'job' ? answer.found : undefined;
  }

  /** What the server names must be linked and registered here. */
  async #judge(answer: AgentAnswer): Promise<AgentAnswer> {
    if (answer.kind !== 'job') return answer;
    const { found, isTaken } = answer;
    const why = await whyNotLinked(found, { env: this.#options.context.env, now: Date.now() });
    if (why === undefined) return answer;
    const { projectRoot, checkpointId } = found;
    return { kind: 'unusable', projectRoot, why, isTaken, checkpointId };
  }

  async #ask(question: Parameters<AgentService['ask']>[0]): Promise<JsonBody> {
    const { context, agent } = this.#options;
    const reply = await context.service.ask({ agent, ...question });
    if (reply.kind !== 'ok') throw asError(reply);
    this.#account = reply.account;
    return reply.value;
  }

  /** It stays in the queue; without a repository to leave out, asking again would bring it again. One that was handed out
   * all the same is answered. */
  async #refuse({ why, projectRoot, isTaken, checkpointId }: Unusable): Promise<void> {
    const { service } = this.#options.context;
    if (isTaken && checkpointId !== '') {
      const report = { success: false, summary: null, content: null, error: `It cannot run here: ${why}.` };
      await service.complete({ jobId: checkpointId, leaseId: undefined, checkpointId }, report);
    }
    if (projectRoot === '' || isTaken) {
      throw new CliError(`The service hands out a review that cannot run here: ${why}.`, {
        code: 'unexpected_answer',
        hint: 'Link the repository with `orp link project bind`, and its session with `orp link session register`.',
      });
    }
    if (!this.#told.has(why)) this.#options.context.reporter.warn(`A review stays in the queue: ${why}.`);
    this.#told.add(why);
  }

  /** Whoever is asked to leave begins nothing. */
  #requireTime(message: string): void {
    if (this.#options.context.isDraining()) throw interrupted(message);
  }

  async #begin(found: AgentJob): Promise<CycleOutcome> {
    // Without a lease it would go back to no queue.
    if (found.leaseId !== undefined)
      this.#requireTime(`Review ${found.job.id} was not started; it goes back to the queue.`);
    const { onBusy, onIdle } = this.#options;
    this.#atWork = found.job.id;
    onBusy();
    try {
      return await this.#work(found);
    } finally {
      this.#atWork = undefined;
      onIdle();
    }
  }

  async #work(found: AgentJob): Promise<CycleOutcome> {
    const { context } = this.#options;
    const { service } = context;
    const { job, leaseId } = found;
    const beganAt = performance.now();
    const granted = leaseId === undefined ? undefined : { leaseId };
    const lease = await JobLease.open(context, {
      job,
      lease: granted,
      account: this.#account,
      workplace: undefined,
    });
    const onShutdown = () => lease.stopSwitch.ask({ kind: 'shutdown' });
    context.shutdown.addEventListener('abort', onShutdown, { once: true });
    if (context.shutdown.aborted) onShutdown();
    lease.startHeartbeats();
    try {
      const ended = await this.#conclude(found, lease);
      if (ended === undefined) return await this.#leaveToQueue(found, lease);
      const { result, worker } = ended;
      if (worker !== undefined) service.keepWorker(job.id, worker);
      const delivery = await lease.deliver(result);
      if (delivery.kind !== 'delivered')
        context.reporter.warn(`The answer is not delivered: ${delivery.message}`);
      const response = delivery.kind === 'delivered' ? delivery.body : undefined;
      return worked({ ...found, beganAt }, { result, worker, response });
    } finally {
      context.shutdown.removeEventListener('abort', onShutdown);
    }
  }

  /** These routes take no review back; the lease does, once it has ended. */
  async #leaveToQueue({ job }: AgentJob, lease: JobLease): Promise<never> {
    await lease.abandon();
    throw interrupted(`Nobody answered the question. ${describePutBack(job.id, false)}`);
  }

  /**
   * Whatever is in the way is an answer, too: a review that was taken is never dropped. Undefined when a person left the
   * question about a review that its lease brings back to the queue.
   */
  async #conclude(
    found: AgentJob,
    lease: JobLease,
  ): Promise<{ result: ResultRecord; worker?: WorkerBlock } | undefined> {
    const { context, policy } = this.#options;
    const { job, cwd, codexSessionId } = found;
    try {
      const { id, kind, prompt, createdBy: sender } = job;
      const place = { id, kind, prompt, sender, repository: cwd, cwd, sessions: [codexSessionId] };
      const verdict = await reviewUntilStopped(policy, place, lease);
      if (verdict.kind === 'refused') return verdict;
      if (verdict.kind === 'stopped') return { result: neverRan(verdict.reason) };
      if (verdict.kind === 'unanswered') return undefined;
      return await runPrompt(context, lease, { job, cwd, codexSessionId, policy: verdict.limits });
    } catch (error) {
      return {
        result: failedResult(
          'agent_error',
          `The runner could not work on it: ${messageOf(error)}`,
          new Date(),
        ),
      };
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
    ? 'Nothing was asked and nothing was claimed. Without --dry-run a review is claimed and runs.'
    : 'Nothing was started. `orp whoami` shows which account asked.';
}

const IDLE: CycleOutcome = {
  ok: true,
  document: { ok: true, claimed: false, job: null },
  lines: [
    ['job.claimed', false],
    ['job.status', 'idle'],
  ],
  page: () => said('idle', 'No review is waiting that can run here.'),
};

function headLines({ job, checkpointId }: AgentJob): Line[] {
  return [
    ['job.claimed', true],
    ['job.kind', job.kind],
    ['checkpoint.id', checkpointId],
  ];
}

function dryRun(found: AgentJob): CycleOutcome {
  return {
    ok: true,
    document: { ok: true, claimed: true, dry_run: true, job: found.raw },
    lines: [...headLines(found), ['job.mode', 'dry-run']],
    page: () => said('note', `Review ${found.job.id} would run in ${found.cwd}. Nothing was taken.`),
  };
}

function worked(
  found: AgentJob & { beganAt: number },
  end: { result: ResultRecord; worker: WorkerBlock | undefined; response: JsonBody | undefined },
): CycleOutcome {
  const { result, worker, response } = end;
  const ok = result.outcome === 'completed' && response !== undefined;
  const answered: Line[] =
    response === undefined
      ? [['job.ok', ok]]
      : [
          ['response.id', typeof response.id === 'string' ? response.id : ''],
          ['response.ok', ok],
        ];
  return {
    ok,
    document: {
      ok,
      claimed: true,
      job: found.raw,
      response: response ?? null,
      ...(worker === undefined ? {} : { worker: { ...worker, structured: structuredOf(worker.body) } }),
      ...(ok ? {} : { error: result.error ?? 'The answer waits for the service.' }),
    },
    lines: [...headLines(found), ...answered, ...(result.error ? ([['error', result.error]] as Line[]) : [])],
    page: (columns) => jobEndLine(endOf(found, end), columns),
  };
}

function endOf(
  { job, cwd, beganAt }: AgentJob & { beganAt: number },
  end: { result: ResultRecord; response: JsonBody | undefined },
): JobEnd {
  const { result, response } = end;
  const isDone = result.outcome === 'completed' && response !== undefined;
  return {
    id: job.id,
    at: Date.now(),
    session: basename(cwd),
    outcome: isDone ? 'completed' : result.outcome === 'cancelled' ? 'cancelled' : 'failed',
    tookMs: performance.now() - beganAt,
    text: isDone ? (result.summary ?? '') : (result.error ?? 'The answer waits for the server.'),
  };
}

/**
 * Why a review may not run here; undefined when it may. The repository and the session that a server names are only words:
 * the records of this machine decide, as everywhere else.
 */
export async function whyNotLinked(
  { cwd, codexSessionId }: Pick<AgentJob, 'cwd' | 'codexSessionId'>,
  { env, now }: { env: NodeJS.ProcessEnv; now: number },
): Promise<string | undefined> {
  const [candidate] = await inspectRoots({ roots: [cwd], env, now });
  if (candidate?.kind !== 'linked') return `its repository ${cwd} is not linked on this machine`;
  // Rules of the policy may name the repository: a folder inside it would pass them by.
  if (resolvePath('/', cwd) !== resolvePath('/', candidate.linked.link.project_root))
    return `its folder ${cwd} is not the one that is linked on this machine`;
  const isRegistered = candidate.linked.sessions.some(
    ({ record }) =>
      record.codex_session_id === codexSessionId && record.state === 'active' && !record.archived,
  );
  return isRegistered ? undefined : `its session ${codexSessionId} is not an active session of ${cwd}`;
}
