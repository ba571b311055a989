/**
 * The main loop of the runner. Only this loop decides what to do next; all other parts only wake it:
 *
 *   gate ──open──▶ poll ──job──▶ into the pool, and poll again while there is room
 *    ▲  └─obstacle─┐ └─idle──▶ wait: for the channel, the end of a job, a wake-up of the machine
 *    └── wait, longer each time ◀┘
 *
 * In continuous mode, only a signal ends the loop. It reports a failed job and continues. It waits until an outage is over.
 * After a refused sign-in it waits until a person signs in.
 */

import { CliError, EXIT_INTERRUPTED, messageOf } from '../../base/exit.ts';
import { retryPauseMs } from '../../base/pause.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import type { JobEnd } from '../job/job-report.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { PlacedClaim } from '../job/workplace.ts';
import type { JobLease } from '../lease/job-lease.ts';
import { ClaimGate } from './claim-gate.ts';
import { type ClaimedPoll, Claimer, type ClaimerPlan, type PollResult } from './claimer.ts';
import { type CycleOutcome, dryRunOutcome, idleOutcome, jobOutcome } from './documents.ts';
import type { DrainSwitch } from './drain-switch.ts';
import { type JobOutcome, JobPool, type PoolHooks, type PoolRules, type RunningJob } from './job-pool.ts';
import { failedWorkObstacle, localObstacle, type Obstacle, Outage, pollObstacle } from './obstacle.ts';
import { PollTiming, type PollTimingOptions } from './poll-timing.ts';
import type { RecoveryHost, SpoolRecovery } from './spool-recovery.ts';
import { startSignInWatch, type Waiter, WakeSignal } from './wake-signal.ts';

export interface WorkPlan
  extends Omit<ClaimerPlan, 'freeAmong'>,
    Pick<PollTimingOptions, 'findReasonToLeave'> {
  rules: PoolRules;
  hooks?: Omit<PoolHooks, 'onFreed'>;
  /** Runs one claimed job until it ends. */
  runJob(lease: JobLease, placed: PlacedClaim): Promise<JobEnd>;
  /** Returns the agents of the sessions that can take jobs. If absent, the default agent is used. */
  agentsInUse?: () => Promise<readonly string[]>;
  /** Decides whether the runner may claim now. If absent, it may always claim. */
  policy?: Pick<OwnerPolicy, 'reasonToWait'>;
  /** Creates the recovery, which delivers old results on this machine. */
  makeRecovery(options: RecoveryHost): SpoolRecovery;
}

type Cycle = { kind: 'idle' | 'claimed' } | { kind: 'obstacle'; obstacle: Obstacle };

type Show = (outcome: CycleOutcome) => void;

export class WorkLoop {
  readonly #context: WorkContext;
  readonly #plan: WorkPlan;
  readonly #switch: DrainSwitch;
  readonly #claimGate: ClaimGate;
  readonly #claimer: Claimer;
  readonly #pool: JobPool;
  readonly #recovery: SpoolRecovery;
  readonly #outage: Outage;
  /** Ends the pauses of this loop early. */
  readonly #wake: WakeSignal;
  /** Absent for a single cycle. */
  #waiter: Waiter | undefined;
  #timing: PollTiming | undefined;
  #obstacle: string | undefined;
  /** The check of the leases after a sleep. The runner claims nothing until the check is done. */
  #revalidating = Promise.resolve();

  constructor(context: WorkContext, plan: WorkPlan, drainSwitch: DrainSwitch) {
    const { draining } = drainSwitch;
    this.#context = context;
    this.#plan = plan;
    this.#switch = drainSwitch;
    this.#outage = new Outage(context.reporter);
    this.#wake = new WakeSignal(draining);
    this.#claimGate = new ClaimGate(context, {
      policy: plan.policy,
      agentsInUse: plan.agentsInUse,
      claims: 'jobs',
    });
    this.#pool = new JobPool(context, {
      rules: plan.rules,
      draining,
      hooks: { ...plan.hooks, onFreed: () => this.#timing?.noteRoom() },
    });
    this.#claimer = new Claimer(context, {
      findCandidates: plan.findCandidates,
      defaultRoot: plan.defaultRoot,
      freeAmong: (workplaces) => this.#pool.freeAmong(workplaces),
    });
    this.#recovery = plan.makeRecovery({
      isBusy: (folder) => this.#pool.jobs.some(({ lease }) => lease.folder === folder),
      ending: draining,
      pause: (ms) => this.#wake.pause(ms),
    });
    drainSwitch.jobsAtWork = () => this.#pool.jobsAtWork;
  }

  /** The running jobs, for the live line. */
  get jobs(): readonly RunningJob[] {
    return this.#pool.jobs;
  }

  /** Why the runner claims nothing right now. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** Runs one cycle. Throws an error for people if there is an obstacle. */
  async once(isDry: boolean): Promise<CycleOutcome> {
    if (!isDry) await this.#recovery.recoverAll();
    // The process ends after this cycle, so first wait for the turns that it has adopted.
    await this.#recovery.settled();
    const obstacle = await this.#gate(isDry);
    if (obstacle !== undefined) throw obstacle.error;
    const poll = await this.#poll(isDry);
    if (poll.kind === 'draining' && this.#switch.draining.aborted) {
      throw interrupted('Interrupted before a job was claimed.');
    }
    switch (poll.kind) {
      case 'idle':
      case 'draining':
        return idleOutcome(poll.facts);
      case 'full':
        throw new Error('A single cycle has no other jobs.');
      case 'job':
        return isDry ? dryRunOutcome(poll.facts, poll) : this.#workOnce(poll);
      default:
        throw pollObstacle(poll).error;
    }
  }

  /** Runs cycles until the drain switch is used, then waits for the running jobs. */
  async run(waiter: Waiter, show: Show): Promise<void> {
    this.#waiter = waiter;
    const timing = new PollTiming(this.#context, {
      pool: this.#pool,
      drainSwitch: this.#switch,
      wake: this.#wake,
      waiter,
      findReasonToLeave: this.#plan.findReasonToLeave,
    });
    this.#timing = timing;
    const endWatch = startSignInWatch(this.#context.local, () => this.wakeUp());
    try {
      await this.#recovery.start();
      await this.#cycleUntilDrained(timing, show);
      await this.#pool.settled();
      await this.#recovery.settled();
    } finally {
      endWatch();
    }
  }

  /** Asks the server about a lease at once, because a message said that the lease may be gone. */
  checkLease(jobId: unknown): void {
    this.#pool.checkLeases(jobId).catch((error) => this.#context.reporter.warn(messageOf(error)));
  }

  /**
   * Called after a sleep, a jump of the clock or another sign-in. First checks the leases, because another runner may have
   * them while agents here still run. Then reopens the channel, which may be dead, and ends all current pauses.
   */
  wakeUp(): void {
    const { reporter } = this.#context;
    this.#revalidating = this.#pool.checkLeases().catch((error) => reporter.warn(messageOf(error)));
    this.#waiter?.renew();
    this.#wake.now();
  }

  /** Checks again at once whether the runner may claim, because the owner's policy has changed. */
  checkAgain(): void {
    this.#waiter?.poll();
    this.#wake.now();
  }

  /** Sends a heartbeat if nothing else has shown lately that this machine is alive. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (this.#pool.jobs.length === 0) await this.#claimer.beatIfQuiet(quietMs);
  }

  async #cycleUntilDrained(timing: PollTiming, show: Show): Promise<void> {
    for (let isDue = false; await timing.waitForNext(isDue); ) {
      const cycle = await this.#cycle(show).catch(
        (error): Cycle => ({ kind: 'obstacle', obstacle: localObstacle(error) }),
      );
      // Poll again at once after a job, because the queue often has more. Poll at once after an obstacle, too.
      isDue = cycle.kind !== 'idle';
      this.#obstacle = cycle.kind === 'obstacle' ? cycle.obstacle.message : undefined;
      if (cycle.kind === 'obstacle') {
        const attempt = this.#outage.note(cycle.obstacle);
        await this.#wake.pause(cycle.obstacle.pauseMs ?? retryPauseMs(attempt));
      }
    }
  }

  async #cycle(show: Show): Promise<Cycle> {
    const obstacle = await this.#gate();
    await this.#claimer.tellPause(obstacle?.pause);
    if (obstacle !== undefined) return { kind: 'obstacle', obstacle };
    const poll = await this.#poll();
    switch (poll.kind) {
      case 'full':
        return { kind: 'idle' };
      case 'idle':
      case 'draining':
        this.#noteAnswer();
        // Do not print this message while a job runs, because it would look as if the job had ended.
        if (this.#pool.jobs.length === 0) show(idleOutcome(poll.facts));
        return { kind: 'idle' };
      case 'job':
        this.#noteAnswer();
        void this.#work(poll, show);
        return { kind: 'claimed' };
      default:
        return { kind: 'obstacle', obstacle: pollObstacle(poll) };
    }
  }

  /** Returns the reason why the runner cannot claim now, or undefined. */
  async #gate(isDry = false): Promise<Obstacle | undefined> {
    const obstacle = await this.#claimGate.check(isDry);
    if (obstacle !== undefined) return obstacle;
    const failure = this.#pool.takeFailure();
    return failure === undefined ? undefined : failedWorkObstacle(failure.error);
  }

  async #poll(isDry = false): Promise<PollResult> {
    await this.#revalidating;
    return this.#claimer.poll(isDry, this.#timing?.isHinted);
  }

  /** Handles an answer of the server. After a pause of the agent, only a job proves that the obstacle is gone. */
  #noteAnswer(): void {
    if (this.#context.claimPause.isTrying) return;
    if (this.#outage.end()) this.#waiter?.renew();
  }

  async #workOnce(poll: ClaimedPoll): Promise<CycleOutcome> {
    let shown: CycleOutcome | undefined;
    const outcome = await this.#work(poll, (cycle) => {
      shown = cycle;
    });
    if (outcome.kind === 'could_not_work') throw outcome.error;
    if (shown !== undefined) return shown;
    throw interrupted('Interrupted before the job was started.');
  }

  /** Runs a claimed job in the pool. Settles when the job has ended, and never rejects. */
  async #work(poll: ClaimedPoll, show: Show): Promise<JobOutcome> {
    const outcome = await this.#pool.work(poll, async (lease) => {
      const end = await this.#plan.runJob(lease, poll);
      if (end.kind === 'reported') show(jobOutcome(poll.facts, end.report));
      return end;
    });
    // A result that could not be delivered in time is on the disk. Only the recovery delivers it.
    if (this.#waiter !== undefined) this.#recovery.runInBackground();
    return outcome;
  }
}

function interrupted(message: string): CliError {
  return new CliError(message, { code: 'interrupted', exitCode: EXIT_INTERRUPTED });
}
