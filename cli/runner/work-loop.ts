/**
 * The runner at work: looks for a job, works it, looks again. In continuous mode nothing but a signal ends it: a failed
 * job is told and forgotten, an outage is waited out, a refused sign-in pauses it until somebody signs in.
 */

import { CliError, messageOf } from '../exit.ts';
import type { LinkableRepository } from '../link/repository.ts';
import { isLinkable, resolveRepo } from '../link/repository.ts';
import { recordFinish } from '../link/runtime.ts';
import type { Candidate } from '../link/sync-payload.ts';
import { ClaimDesk, type Look } from './claim.ts';
import type { DrainSwitch } from './drain-switch.ts';
import { runJob } from './job-run.ts';
import type { LeaseDesk } from './lease-desk.ts';
import { Outage } from './outage.ts';
import { pause, retryPauseMs } from './pause.ts';
import { type Recovered, recoverSpools } from './recovery.ts';
import type { WorkContext } from './work-context.ts';
import { type CycleOutcome, dryRunOutcome, idleOutcome, jobOutcome } from './work-documents.ts';
import { placeJob, type Workplace, workplacesOf } from './workplace.ts';

/** What makes the runner look: a timer, or a wake-up from the service. */
export interface Waiter {
  /** Settles when it is worth asking for work; undefined when the signal aborts. */
  nextLook(signal: AbortSignal): Promise<string | undefined>;
  /** Asks for a look from outside. */
  look(): void;
  /** The connection may be of an earlier time: of before a sleep, or of another sign-in. */
  renew(): void;
  close(): void;
}

export interface WorkPlan {
  /** Looks at the candidate roots anew: sessions come and go while the runner runs. */
  findCandidates(): Promise<Candidate[]>;
  /** The root of `--repo-root`. */
  defaultRoot: string;
  /** Where the runtime of a job without a repository is recorded. */
  fallbackRepository: LinkableRepository;
}

type Cycle = { kind: 'idle' } | { kind: 'worked' } | { kind: 'obstacle'; message: string };

interface CycleHandlers {
  show(outcome: CycleOutcome): void;
  /** The service answered. */
  onAnswer(): void;
}

/** A recovery at the start must not keep new work waiting for an answer of the service. */
const RECOVERY_MS = 60_000;

export class WorkLoop {
  readonly #context: WorkContext;
  readonly #plan: WorkPlan;
  readonly #switch: DrainSwitch;
  readonly #desk: ClaimDesk;
  #current: { jobId: string; desk: LeaseDesk } | undefined;
  /** Leases of earlier runs that wait for the service. */
  #waiting = 0;

  constructor(context: WorkContext, plan: WorkPlan, drainSwitch: DrainSwitch) {
    this.#context = context;
    this.#plan = plan;
    this.#switch = drainSwitch;
    this.#desk = new ClaimDesk(context);
  }

  /** One cycle. What keeps it from looking is an error for people. */
  async once(isDry: boolean): Promise<CycleOutcome> {
    if (!isDry) {
      await this.recover();
      await this.#requireAgent();
    }
    const { look, workplaces, roots } = await this.#look(isDry);
    const outcome = await this.#act(look, { workplaces, roots, isDry });
    if (outcome !== undefined) return outcome;
    throw asError(look);
  }

  /** Without an agent the job would be claimed only to fail: it stays queued for a machine that has one. */
  async #requireAgent(): Promise<void> {
    const agent = await this.#context.agent.findProgram();
    if (agent.kind === 'missing')
      throw new CliError(agent.message, { code: 'agent_missing', hint: agent.hint });
  }

  /** Cycles until the switch is pressed. */
  async run(waiter: Waiter, show: (outcome: CycleOutcome) => void): Promise<void> {
    const { draining } = this.#switch;
    const outage = new Outage(this.#context.talk);
    const onAnswer = () => {
      if (outage.end()) waiter.renew();
    };
    await this.recover();
    for (let isDue = false; isDue || (await waiter.nextLook(draining)) !== undefined; ) {
      if (draining.aborted) return;
      if (!(await this.#context.local.isEnabled())) {
        this.#context.talk.warn('The runner was disabled on this machine; leaving.');
        return;
      }
      const cycle = await this.#cycle({ show, onAnswer }).catch(describeTrouble);
      // Jobs are rarely the last of their kind: after one, the next look is due at once. So is one after an obstacle.
      isDue = cycle.kind !== 'idle';
      if (cycle.kind === 'obstacle') await pause(retryPauseMs(outage.note(cycle.message)), draining);
      if (this.#waiting > 0) await this.recover();
    }
  }

  async #cycle({ show, onAnswer }: CycleHandlers): Promise<Cycle> {
    const agent = await this.#context.agent.findProgram();
    // Without an agent every job would fail: they stay queued instead.
    if (agent.kind === 'missing') return { kind: 'obstacle', message: `${agent.message} ${agent.hint}` };
    const { look, workplaces, roots } = await this.#look(false);
    const obstacle = describeObstacle(look);
    if (obstacle !== undefined) return { kind: 'obstacle', message: obstacle };
    onAnswer();
    const outcome = await this.#act(look, { workplaces, roots, isDry: false });
    if (outcome !== undefined) show(outcome);
    return { kind: look.kind === 'job' ? 'worked' : 'idle' };
  }

  /** Somebody says that a lease was lost or its job cancelled: the service is asked at once. */
  checkLease(jobId: unknown): void {
    if (this.#current === undefined || (typeof jobId === 'string' && jobId !== this.#current.jobId)) return;
    this.#current.desk.checkLease();
  }

  /** Resolves what earlier runs left. */
  async recover(): Promise<void> {
    const signal = AbortSignal.any([this.#switch.shutdown, AbortSignal.timeout(RECOVERY_MS)]);
    this.#waiting = await recoverSpools(this.#context, {
      isBusy: (folder) => folder === this.#current?.desk.spool.folder,
      signal,
      onRecovered: (recovered) => this.#recordRecovered(recovered),
    });
  }

  async #look(isDry: boolean) {
    const candidates = await this.#plan.findCandidates();
    const workplaces = workplacesOf(candidates);
    const look = await this.#desk.look(workplaces, isDry);
    return { look, workplaces, roots: candidates.map((candidate) => candidate.root) };
  }

  /** Undefined: there was no answer to act on. */
  async #act(
    look: Look,
    at: { workplaces: readonly Workplace[]; roots: string[]; isDry: boolean },
  ): Promise<CycleOutcome | undefined> {
    if (look.kind === 'idle' || look.kind === 'draining') {
      return idleOutcome({ beat: look.beat, candidateRoots: at.roots });
    }
    if (look.kind !== 'job') return undefined;
    const root = this.#plan.defaultRoot;
    const facts = { beat: look.beat, candidateRoots: at.roots, root };
    const placement = placeJob(look.job, at.workplaces, root);
    if (at.isDry) return dryRunOutcome(facts, look.raw, placement);
    this.#switch.currentJob = look.job.id;
    try {
      const report = await runJob(this.#context, {
        ...look,
        placement,
        root,
        fallbackRepository: this.#plan.fallbackRepository,
        onDesk: (desk) => {
          this.#current = { jobId: look.job.id, desk };
        },
      });
      return jobOutcome(facts, report);
    } finally {
      this.#current = undefined;
      this.#switch.currentJob = undefined;
    }
  }

  /** The repository's runtime still names the job as active. */
  async #recordRecovered({ held, repoRoot, result, delivery }: Recovered): Promise<void> {
    if (repoRoot === undefined || delivery.kind === 'pending') return;
    const repository = await resolveRepo(repoRoot, this.#context.env);
    if (!isLinkable(repository)) return;
    const finished = { status: result.outcome, summary: result.summary, error: result.error };
    await recordFinish(repository, { ...held, ...finished }, Date.now());
  }
}

/** A full disk, a lost permission: it may pass, and nobody restarts a runner at night. */
function describeTrouble(error: unknown): Cycle {
  return { kind: 'obstacle', message: `${messageOf(error)} Trying again.` };
}

/** What keeps the runner from working; undefined when nothing does. */
function describeObstacle(look: Look): string | undefined {
  switch (look.kind) {
    case 'unauthenticated':
      return `${look.message} The runner waits; sign in with \`orp auth login\`.`;
    case 'unavailable':
      return `${look.message} Trying again until it answers.`;
    case 'refused':
      return look.code === 'not_found' ? `${look.message} Run \`orp runner sync\`.` : look.message;
    case 'malformed':
      return `${look.message}; it was left alone.`;
    default:
      return undefined;
  }
}

function asError(look: Look): CliError {
  switch (look.kind) {
    case 'unauthenticated':
      return new CliError(look.message, { code: 'unauthenticated', hint: 'Run `orp auth login`.' });
    case 'unavailable':
      return new CliError(look.message, {
        code: look.code,
        hint: 'Nothing was claimed. Run it again later.',
      });
    case 'refused':
      return new CliError(look.message, {
        code: look.code,
        hint:
          look.code === 'not_found'
            ? 'Run `orp runner sync`, so that the service knows this machine.'
            : 'Nothing was claimed. `orp whoami` and `orp runner status` show which account and machine asked.',
      });
    default:
      return new CliError(describeObstacle(look) ?? 'The service gave no answer.', {
        code: 'unexpected_answer',
        hint: 'Nothing was started here. Check the base URL and that this `orp` is up to date.',
      });
  }
}
