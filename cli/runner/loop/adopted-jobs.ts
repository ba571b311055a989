/**
 * Continues jobs of an earlier runner whose prompt was entered into an agent server. The server still runs after that runner
 * has ended:
 *
 *   the turn still runs     → the runner follows the turn under its lease
 *   the turn has ended      → the runner reads the result from the transcript of the session
 *   there is no such turn   → nothing ran, so the job goes back to the queue
 *   another program holds the session, and the turn may run in it → the runner tries again later
 */

import type { AgentSession, SessionDriver } from '../../agents/agent.ts';
import { messageOf } from '../../base/exit.ts';
import { runAgent } from '../agent-run/agent-run.ts';
import { type Reopened, reopen } from '../agent-run/reopen.ts';
import { DEFAULT_SILENCE_LIMIT_MS, DEFAULT_TIME_LIMIT_MS } from '../agent-run/run-limits.ts';
import { type EnteredIn, turnEngine } from '../agent-run/turn-engine.ts';
import { resolveLeft } from '../agent-run/turn-outcome.ts';
import { failedResult, judgeRun } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { JobLease } from '../lease/job-lease.ts';
import type { Adoption, Recovered } from '../lease/recovery.ts';
import type { Entry, Journal } from '../spool/lease-spool.ts';
import type { ResultRecord, UsageTerms } from '../spool/records.ts';

/** What happened to the prompt. */
type Known = Exclude<Reopened, { kind: 'unknown' | 'uncertain' }>;

interface Left {
  folder: string;
  journal: Journal;
}

export class AdoptedJobs {
  readonly #onRecovered: (recovered: Recovered) => Promise<void>;
  readonly #work = new Map<string, Promise<void>>();

  constructor(onRecovered: (recovered: Recovered) => Promise<void>) {
    this.#onRecovered = onRecovered;
  }

  isBusy(folder: string): boolean {
    return this.#work.has(folder);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#work.values());
  }

  /** Takes over the job and follows it in the background. Returns `no` if no agent server answers. */
  async adopt(context: WorkContext, left: Left): Promise<Adoption> {
    const { progress } = left.journal;
    if (progress.kind !== 'entered') return 'no';
    const { entry } = progress;
    const driver = (await context.agents.find(entry.agent))?.sessions;
    if (driver === undefined) return 'no';
    const task = { sessionId: entry.session_id, cwd: entry.cwd };
    const again = await reopen({ driver, task, how: entry.server }, entry.marker);
    if (again.kind === 'unknown') return 'no';
    if (again.kind === 'uncertain') return 'later';
    const work = this.#finish(context, left, { driver, again, entry }).catch((error: unknown) => {
      context.reporter.warn(
        `Job ${left.journal.claim.job_id} of an earlier run could not be finished, so its files stay on the disk: ${messageOf(error)}`,
      );
    });
    const { folder } = left;
    this.#work.set(
      folder,
      work.finally(() => this.#work.delete(folder)),
    );
    return 'adopted';
  }

  async #finish(
    context: WorkContext,
    { folder, journal }: Left,
    where: { driver: SessionDriver; again: Known; entry: Entry },
  ): Promise<void> {
    const { claim } = journal;
    const lease = JobLease.left(context, { folder, record: claim });
    const result = await lease.keep(
      await this.#conclude(context, lease, { ...where, kind: claim.job_kind, usage: claim.usage }),
    );
    const delivery = await lease.deliver(result);
    context.reporter.info(
      delivery.kind === 'delivered'
        ? `Job ${claim.job_id} of an earlier run was reported.`
        : `Job ${claim.job_id} of an earlier run was not reported: ${delivery.message}`,
    );
    await this.#onRecovered({ held: lease.held, repoRoot: claim.repo_root, result, delivery });
  }

  async #conclude(
    context: WorkContext,
    lease: JobLease,
    {
      driver,
      again,
      entry,
      kind,
      usage,
    }: {
      driver: SessionDriver;
      again: Known;
      entry: Entry;
      kind: string;
      usage: UsageTerms | undefined;
    },
  ): Promise<ResultRecord> {
    if (again.kind === 'held') return resolveLeft(again.turn, kind);
    const { session, found } = again;
    const turn = found.kind === 'found' ? found.turn : undefined;
    const isPending = found.kind === 'pending';
    const entered = isPending ? { ...found, isPending } : turn;
    if (entered === undefined || (turn !== undefined && turn.status !== 'running')) {
      await session.close();
      return resolveLeft(turn, kind);
    }
    context.reporter.info(`Job ${lease.held.jobId} of an earlier run still runs, and is followed.`);
    await lease.takeUp();
    return followTurn(context, lease, { driver, session, entry, entered, kind, usage });
  }
}

/** Follows a running turn under the lease of its job. */
async function followTurn(
  context: WorkContext,
  lease: JobLease,
  of: {
    driver: SessionDriver;
    session: AgentSession;
    entry: Entry;
    entered: EnteredIn;
    kind: string;
    usage: UsageTerms | undefined;
  },
): Promise<ResultRecord> {
  const { entry, kind, usage, ...rest } = of;
  const agent = await context.agents.find(entry.agent);
  if (agent === undefined) throw new Error(`this runner does not drive the agent ${entry.agent}`);
  const task = { sessionId: entry.session_id, cwd: entry.cwd };
  const engine = turnEngine({ ...rest, task, agent: entry.agent, marker: entry.marker });
  const run = await runAgent({
    agent,
    engine,
    spool: lease.spool,
    stopSwitch: lease.stopSwitch,
    limits: {
      limitMs: leftOf(entry, Date.now()),
      silenceMs: context.silenceLimitMs ?? DEFAULT_SILENCE_LIMIT_MS,
    },
    secrets: context.secrets,
    onChunk: () => lease.wakeUploads(),
  });
  if (run.kind === 'not_started') return failedResult('agent_error', run.message, new Date());
  return judgeRun(run, { now: new Date(), kind, agent: agent.name, usage });
}

/** A turn that has exceeded its limit in the meantime is stopped at once. */
const LEAST_MS = 1000;

/** Returns the rest of the time limit. The time without a runner counts, because the turn continued. */
export function leftOf(
  { at_utc, limit_ms = DEFAULT_TIME_LIMIT_MS }: Pick<Entry, 'at_utc' | 'limit_ms'>,
  now: number,
): number {
  const passed = Math.max(0, now - Date.parse(at_utc));
  return Math.max(LEAST_MS, limit_ms - passed);
}
