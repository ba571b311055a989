/**
 * The runner at work. One owner decides what to do next; everything else only wakes it:
 *
 *   look ──job──▶ into the crew, and look again while there is room
 *    ▲ ◀─idle───  wait: for the channel, a job's end, a wake-up of the machine
 *    └─obstacle─  wait a little, longer each time, and look again
 *
 * In continuous mode nothing but a signal ends it: a failed job is told and forgotten, an outage is waited out, a refused
 * sign-in pauses it until somebody signs in.
 */

import { CliError, EXIT_INTERRUPTED, messageOf } from '../../base/exit.ts';
import { retryPauseMs } from '../../base/pause.ts';
import type { LinkableRepository } from '../../git/repository.ts';
import type { WaitReason } from '../../policy/owner-policy.ts';
import type { Candidate } from '../../records/sync-payload.ts';
import { type CurrentPause, describePause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type Placement, placeJob, type Workplace, workplacesOf } from '../job/workplace.ts';
import { heldOf, spoolFolderOf } from '../lease/job-lease.ts';
import { describePutBack, putBack } from '../lease/put-back.ts';
import { Claimer, type PollResult } from './claimer.ts';
import { type CycleOutcome, dryRunOutcome, idleOutcome, jobOutcome } from './documents.ts';
import type { DrainSwitch } from './drain-switch.ts';
import { type CrewHooks, type CrewRules, JobPool, type RunningJob, type Slot } from './job-pool.ts';
import { runJob } from './job-run.ts';
import { asError, describeObstacle, Outage } from './poll-errors.ts';
import { RuntimeFile } from './runtime-file.ts';
import { SpoolRecovery } from './spool-recovery.ts';
import { startSignInWatch, WakeSignal } from './wake-signal.ts';

/** What makes the runner look: a timer, or a wake-up from the service. */
export interface Waiter {
  /** Settles when it is worth asking for work; undefined when the signal aborts. */
  nextPoll(signal: AbortSignal): Promise<string | undefined>;
  /** Asks for a look from outside. */
  poll(): void;
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
  rules: CrewRules;
  hooks?: CrewHooks;
  /** Why this runner must end, asked before every look; undefined while it may go on. */
  findReasonToLeave?(): Promise<string | undefined>;
  /** Work of other paths on this machine that left something to deliver. */
  findOtherSpools?(): readonly WorkContext[];
  /** Why nothing is to be claimed now; undefined while claiming is allowed. */
  findReasonToWait?(): Promise<WaitReason | undefined>;
}

interface Obstacle {
  kind: 'obstacle';
  message: string;
  /** Nothing is wrong: the owner wants it so. */
  isWanted?: boolean;
  /** Instead of a pause that grows with the tries. */
  pauseMs?: number;
}

type Cycle = { kind: 'idle' | 'claimed' } | Obstacle;

interface CycleHandlers {
  show(outcome: CycleOutcome): void;
  /** The service answered. */
  onAnswer(): void;
}

/** A disk that is full is not empty a second later. */
const TROUBLE_PAUSE_MS = 30_000;
/** While the agent takes no work: a clock may be set, and a computer sleeps. */
const LOOK_AGAIN_MS = 60_000;

/** A claimed job with the look that brought it. */
type ClaimedPoll = Extract<PollResult, { kind: 'job' }>;

interface Seen {
  poll: PollResult;
  /** All of them: the place of a job is chosen among the busy ones, too. */
  workplaces: readonly Workplace[];
  roots: string[];
}

export class WorkLoop {
  readonly #context: WorkContext;
  readonly #plan: WorkPlan;
  readonly #switch: DrainSwitch;
  readonly #claimer: Claimer;
  readonly #pool: JobPool;
  readonly #runtimeFile = new RuntimeFile();
  readonly #recovery: SpoolRecovery;
  /** Ends the pauses of this loop early. */
  readonly #wake: WakeSignal;
  #waiter: Waiter | undefined;
  #obstacle: string | undefined;
  #isWaitingForRoom = false;
  /** The pause that the server knows of. */
  #toldPause: CurrentPause | undefined;
  /** Why the last claimed job could not even begin. */
  #trouble: unknown;
  /** Leases are asked about after a sleep; until that is answered nothing is claimed. */
  #revalidating = Promise.resolve();

  constructor(context: WorkContext, plan: WorkPlan, drainSwitch: DrainSwitch) {
    this.#context = context;
    this.#plan = plan;
    this.#switch = drainSwitch;
    this.#claimer = new Claimer(context);
    this.#wake = new WakeSignal(drainSwitch.draining);
    this.#pool = new JobPool(plan.rules, {
      ...plan.hooks,
      onFreed: () => {
        plan.hooks?.onFreed?.();
        // Whoever waits for room looks anyway; asked for once more, every job would cost a look too many.
        if (!this.#isWaitingForRoom) this.#waiter?.poll();
      },
    });
    this.#recovery = new SpoolRecovery(context, {
      isBusy: (folder) => this.#pool.members.some((member) => member.spoolFolder === folder),
      ending: drainSwitch.draining,
      pause: (ms) => this.#wake.pause(ms),
      ...(plan.findOtherSpools === undefined ? {} : { findOthers: plan.findOtherSpools }),
    });
    drainSwitch.jobsAtWork = () => this.#pool.jobsAtWork;
  }

  /** The jobs that are at work, for who shows them. */
  get members(): readonly RunningJob[] {
    return this.#pool.members;
  }

  /** Why nothing is claimed right now. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** One cycle. What keeps it from looking is an error for people. */
  async once(isDry: boolean): Promise<CycleOutcome> {
    if (!isDry) {
      await this.#recovery.recoverAll();
      await this.#requireAgent();
    }
    const wait = await this.#plan.findReasonToWait?.();
    if (wait !== undefined) {
      throw new CliError(wait.message, {
        code: 'claiming_paused',
        hint: '`orp runner policy show` tells the rules.',
      });
    }
    const seen = await this.#poll(isDry);
    const { poll } = seen;
    if (poll.kind === 'draining' && this.#switch.draining.aborted) {
      throw interrupted('Interrupted before a job was claimed.');
    }
    if (poll.kind === 'idle' || poll.kind === 'draining') return idleOf(seen, poll);
    if (poll.kind !== 'job') throw asError(poll);
    if (isDry) return dryRunOutcome(this.#factsOf(seen, poll), poll.raw, this.#place(seen, poll));
    const outcomes: CycleOutcome[] = [];
    await this.#runInPool(seen, poll, (outcome) => outcomes.push(outcome));
    const [outcome] = outcomes;
    if (outcome !== undefined) return outcome;
    throw interrupted('Interrupted before the job was started.');
  }

  /** Without an agent the job would be claimed only to fail: it stays queued for a machine that has one. */
  async #requireAgent(): Promise<void> {
    const agent = await this.#context.agent.findProgram();
    if (agent.kind === 'missing')
      throw new CliError(agent.message, { code: 'agent_missing', hint: agent.hint });
  }

  /** Cycles until the switch is pressed, then waits for the jobs that are at work. */
  async run(waiter: Waiter, show: (outcome: CycleOutcome) => void): Promise<void> {
    this.#waiter = waiter;
    const endWatch = startSignInWatch(this.#context.local, () => this.wakeUp());
    try {
      await this.#cycleUntilAsked(waiter, show);
      await this.#pool.settled();
      await this.#recovery.settled();
    } finally {
      endWatch();
    }
  }

  async #cycleUntilAsked(waiter: Waiter, show: (outcome: CycleOutcome) => void): Promise<void> {
    const outage = new Outage(this.#context.reporter);
    const onAnswer = () => {
      if (outage.end()) waiter.renew();
    };
    await this.#recovery.start();
    for (let isDue = false; await this.#isTime(isDue, waiter); ) {
      const cycle = await this.#cycle({ show, onAnswer }).catch(describeTrouble);
      // Jobs are rarely the last of their kind: after one, the next look is due at once. So is one after an obstacle.
      isDue = cycle.kind !== 'idle';
      this.#obstacle = cycle.kind === 'obstacle' ? cycle.message : undefined;
      if (cycle.kind === 'obstacle') {
        const attempt = outage.note(cycle);
        await this.#wake.pause(cycle.pauseMs ?? retryPauseMs(attempt));
      }
    }
  }

  /** Somebody says that a lease was lost or its job cancelled: the service is asked at once. */
  checkLease(jobId: unknown): void {
    this.#pool.checkLeases(jobId).catch((error) => this.#context.reporter.warn(messageOf(error)));
  }

  /**
   * The machine slept, its clock jumped, or somebody else signed in. Leases first: they may have gone to somebody else
   * meanwhile, and their agents work on. Then the channel, which may be dead without knowing, and whatever was waited for.
   */
  wakeUp(): void {
    const { reporter } = this.#context;
    this.#revalidating = this.#pool.checkLeases().catch((error) => reporter.warn(messageOf(error)));
    this.#waiter?.renew();
    this.#wake.now();
  }

  /** A sign of life while nothing else gives one. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (this.#pool.members.length === 0) await this.#claimer.beatIfQuiet(quietMs);
  }

  /** Waits until a look is due; false when the runner is to end. */
  async #isTime(isDue: boolean, waiter: Waiter): Promise<boolean> {
    const { draining } = this.#switch;
    let isLookDue = isDue;
    while (this.#hasNoRoom && !draining.aborted) {
      this.#isWaitingForRoom = true;
      await this.#wake.race(this.#pool.changed());
      isLookDue = true;
    }
    this.#isWaitingForRoom = false;
    if (draining.aborted) return false;
    if (!isLookDue && (await waiter.nextPoll(draining)) === undefined) return false;
    if (draining.aborted) return false;
    const reason = await this.#findReasonToLeave();
    if (reason === undefined) return true;
    this.#context.reporter.warn(reason);
    this.#switch.drain();
    return false;
  }

  /** After a pause one job finds out whether the agent works again; the others stay in the queue. */
  get #hasNoRoom(): boolean {
    const isTried = this.#context.claimPause.isTrying && this.#pool.members.length > 0;
    return this.#pool.isFull || isTried;
  }

  async #findReasonToLeave(): Promise<string | undefined> {
    try {
      if (!(await this.#context.local.isEnabled()))
        return 'The runner was disabled on this machine; leaving.';
      return await this.#plan.findReasonToLeave?.();
    } catch {
      // A disk that cannot be read now is no reason to leave; the look meets the same trouble and waits it out.
      return undefined;
    }
  }

  async #cycle({ show, onAnswer }: CycleHandlers): Promise<Cycle> {
    const agent = await this.#context.agent.findProgram();
    // Without an agent every job would fail: they stay queued instead.
    const { claimPause } = this.#context;
    claimPause.lack(agent.kind === 'missing' ? `${agent.message} ${agent.hint}` : undefined);
    const pause = claimPause.current;
    if (pause !== undefined) return this.#waitOut(pause);
    this.#toldPause = undefined;
    const wait = await this.#plan.findReasonToWait?.();
    if (wait !== undefined) return { kind: 'obstacle', ...wait };
    if (this.#trouble !== undefined) return this.#takeTrouble(this.#trouble);
    const seen = await this.#poll(false);
    const { poll } = seen;
    if (poll.kind === 'full') return { kind: 'idle' };
    const trouble = describeObstacle(poll);
    if (trouble !== undefined) {
      return { kind: 'obstacle', message: trouble };
    }
    // Whether it works again is not known before a job has shown it.
    if (!claimPause.isTrying) onAnswer();
    if (poll.kind === 'job') {
      void this.#runInPool(seen, poll, show).catch((error) => {
        this.#trouble = error;
      });
      return { kind: 'claimed' };
    }
    const isIdle = poll.kind === 'idle' || poll.kind === 'draining';
    // Beside a job at work it would read as if the job were over.
    if (isIdle && this.#pool.members.length === 0) show(idleOf(seen, poll));
    return { kind: 'idle' };
  }

  /** The queue is left alone. The server hears of it once; the jobs that wait say so. */
  async #waitOut(pause: CurrentPause): Promise<Obstacle> {
    if (this.#toldPause !== pause && (await this.#claimer.tellPause())) this.#toldPause = pause;
    // Its program may be back at any moment.
    if (pause.until === undefined) return { kind: 'obstacle', message: pause.message };
    const leftMs = Math.max(0, pause.until - Date.now()) + 1;
    return { kind: 'obstacle', message: describePause(pause), pauseMs: Math.min(leftMs, LOOK_AGAIN_MS) };
  }

  /** Nothing of the job could be written down, so it was not started. Claiming on at once would only drain the queue. */
  #takeTrouble(error: unknown): Obstacle {
    this.#trouble = undefined;
    return { ...describeTrouble(error), pauseMs: TROUBLE_PAUSE_MS };
  }

  async #poll(isDry: boolean): Promise<Seen> {
    await this.#revalidating;
    const candidates = await this.#plan.findCandidates();
    const workplaces = workplacesOf(candidates);
    const free = this.#pool.freeAmong(workplaces);
    const isAllBusy = free.length === 0 && workplaces.length > 0;
    const poll = isAllBusy ? ({ kind: 'full' } as const) : await this.#claimer.poll(free, isDry);
    return { poll, workplaces, roots: candidates.map((candidate) => candidate.root) };
  }

  #place({ workplaces }: Seen, { job }: ClaimedPoll) {
    return placeJob(job, workplaces, this.#plan.defaultRoot);
  }

  #factsOf({ roots }: Seen, { beat }: ClaimedPoll) {
    return { beat, candidateRoots: roots, root: this.#plan.defaultRoot };
  }

  /** It was claimed in the moment in which the runner was asked to leave. */
  async #putBack(poll: ClaimedPoll): Promise<void> {
    const { service, reporter } = this.#context;
    const isReleased = await putBack({ service, held: heldOf(poll), reason: 'shutting_down' });
    reporter.info(describePutBack(poll.job.id, isReleased));
  }

  /** Takes a claimed job into the crew; settles when it is over. */
  #runInPool(seen: Seen, poll: ClaimedPoll, show: (outcome: CycleOutcome) => void): Promise<void> {
    const placement = this.#place(seen, poll);
    const spoolFolder = spoolFolderOf(this.#context, poll);
    return this.#pool
      .add({ jobId: poll.job.id, spoolFolder, placement }, async (seat: Slot) => {
        if (!(await seat.reserve(this.#switch.draining))) return this.#putBack(poll);
        const { reporter } = this.#context;
        if (placement.kind !== 'placed')
          reporter.info(`Job ${poll.job.id} cannot run here: ${placement.error}`);
        const report = await runJob(this.#context, {
          ...poll,
          placement,
          root: this.#plan.defaultRoot,
          fallbackRepository: this.#plan.fallbackRepository,
          runtimeFile: this.#runtimeFile,
          onLease: seat.onLease,
          onStarted: (isRefused) => {
            seat.onStarted();
            if (placement.kind === 'placed' && !isRefused) reporter.info(describeBegin(poll, placement));
          },
        });
        if (report !== undefined) show(jobOutcome(this.#factsOf(seen, poll), report));
      })
      .finally(() => {
        // What could not be delivered in time is on the disk, and nobody else looks after it.
        if (this.#waiter !== undefined) this.#recovery.runInBackground();
      });
  }
}

function interrupted(message: string): CliError {
  return new CliError(message, { code: 'interrupted', exitCode: EXIT_INTERRUPTED });
}

function describeBegin({ job }: ClaimedPoll, placement: Extract<Placement, { kind: 'placed' }>): string {
  return `Working on job ${job.id} in ${placement.session.label} (${placement.workplace.root}).`;
}

function idleOf({ roots }: Seen, { beat }: Extract<PollResult, { kind: 'idle' | 'draining' }>): CycleOutcome {
  return idleOutcome({ beat, candidateRoots: roots });
}

/** A full disk, a lost permission: it may pass, and nobody restarts a runner at night. */
function describeTrouble(error: unknown): Obstacle {
  return { kind: 'obstacle', message: `${messageOf(error)} Trying again.` };
}
