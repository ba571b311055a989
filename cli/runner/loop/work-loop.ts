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
import type { WaitReason } from '../../policy/policy-desk.ts';
import type { Candidate } from '../../records/sync-payload.ts';
import { type CurrentPause, describePause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type Placement, placeJob, type Workplace, workplacesOf } from '../job/workplace.ts';
import { heldOf, spoolFolderOf } from '../lease/lease-desk.ts';
import { describePutBack, putBack } from '../lease/put-back.ts';
import { ClaimDesk, type Look } from './claim.ts';
import { Crew, type CrewHooks, type CrewMember, type CrewRules, type CrewSeat } from './crew.ts';
import type { DrainSwitch } from './drain-switch.ts';
import { runJob } from './job-run.ts';
import { asError, describeObstacle, Outage } from './look-trouble.ts';
import { Nudge, startSignInWatch } from './nudge.ts';
import { RuntimeBoard } from './runtime-board.ts';
import { SpoolTender } from './spool-tender.ts';
import { type CycleOutcome, dryRunOutcome, idleOutcome, jobOutcome } from './work-documents.ts';

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
type JobLook = Extract<Look, { kind: 'job' }>;

interface Seen {
  look: Look;
  /** All of them: the place of a job is chosen among the busy ones, too. */
  workplaces: readonly Workplace[];
  roots: string[];
}

export class WorkLoop {
  readonly #context: WorkContext;
  readonly #plan: WorkPlan;
  readonly #switch: DrainSwitch;
  readonly #desk: ClaimDesk;
  readonly #crew: Crew;
  readonly #board = new RuntimeBoard();
  readonly #tender: SpoolTender;
  /** Ends the pauses of this loop early. */
  readonly #nudge: Nudge;
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
    this.#desk = new ClaimDesk(context);
    this.#nudge = new Nudge(drainSwitch.draining);
    this.#crew = new Crew(plan.rules, {
      ...plan.hooks,
      onFreed: () => {
        plan.hooks?.onFreed?.();
        // Whoever waits for room looks anyway; asked for once more, every job would cost a look too many.
        if (!this.#isWaitingForRoom) this.#waiter?.look();
      },
    });
    this.#tender = new SpoolTender(context, {
      isBusy: (folder) => this.#crew.members.some((member) => member.spoolFolder === folder),
      ending: drainSwitch.draining,
      pause: (ms) => this.#nudge.pause(ms),
      ...(plan.findOtherSpools === undefined ? {} : { findOthers: plan.findOtherSpools }),
    });
    drainSwitch.jobsAtWork = () => this.#crew.jobsAtWork;
  }

  /** The jobs that are at work, for who shows them. */
  get members(): readonly CrewMember[] {
    return this.#crew.members;
  }

  /** Why nothing is claimed right now. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** One cycle. What keeps it from looking is an error for people. */
  async once(isDry: boolean): Promise<CycleOutcome> {
    if (!isDry) {
      await this.#tender.round();
      await this.#requireAgent();
    }
    const wait = await this.#plan.findReasonToWait?.();
    if (wait !== undefined) {
      throw new CliError(wait.message, {
        code: 'claiming_paused',
        hint: '`orp runner policy show` tells the rules.',
      });
    }
    const seen = await this.#look(isDry);
    const { look } = seen;
    if (look.kind === 'draining' && this.#switch.draining.aborted) {
      throw interrupted('Interrupted before a job was claimed.');
    }
    if (look.kind === 'idle' || look.kind === 'draining') return idleOf(seen, look);
    if (look.kind !== 'job') throw asError(look);
    if (isDry) return dryRunOutcome(this.#factsOf(seen, look), look.raw, this.#place(seen, look));
    const outcomes: CycleOutcome[] = [];
    await this.#employ(seen, look, (outcome) => outcomes.push(outcome));
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
      await this.#crew.settled();
      await this.#tender.settled();
    } finally {
      endWatch();
    }
  }

  async #cycleUntilAsked(waiter: Waiter, show: (outcome: CycleOutcome) => void): Promise<void> {
    const outage = new Outage(this.#context.talk);
    const onAnswer = () => {
      if (outage.end()) waiter.renew();
    };
    await this.#tender.begin();
    for (let isDue = false; await this.#isTime(isDue, waiter); ) {
      const cycle = await this.#cycle({ show, onAnswer }).catch(describeTrouble);
      // Jobs are rarely the last of their kind: after one, the next look is due at once. So is one after an obstacle.
      isDue = cycle.kind !== 'idle';
      this.#obstacle = cycle.kind === 'obstacle' ? cycle.message : undefined;
      if (cycle.kind === 'obstacle') {
        const attempt = outage.note(cycle);
        await this.#nudge.pause(cycle.pauseMs ?? retryPauseMs(attempt));
      }
    }
  }

  /** Somebody says that a lease was lost or its job cancelled: the service is asked at once. */
  checkLease(jobId: unknown): void {
    this.#crew.checkLeases(jobId).catch((error) => this.#context.talk.warn(messageOf(error)));
  }

  /**
   * The machine slept, its clock jumped, or somebody else signed in. Leases first: they may have gone to somebody else
   * meanwhile, and their agents work on. Then the channel, which may be dead without knowing, and whatever was waited for.
   */
  wakeUp(): void {
    const { talk } = this.#context;
    this.#revalidating = this.#crew.checkLeases().catch((error) => talk.warn(messageOf(error)));
    this.#waiter?.renew();
    this.#nudge.now();
  }

  /** A sign of life while nothing else gives one. */
  async beatIfQuiet(quietMs: number): Promise<void> {
    if (this.#crew.members.length === 0) await this.#desk.beatIfQuiet(quietMs);
  }

  /** Waits until a look is due; false when the runner is to end. */
  async #isTime(isDue: boolean, waiter: Waiter): Promise<boolean> {
    const { draining } = this.#switch;
    let isLookDue = isDue;
    while (this.#hasNoRoom && !draining.aborted) {
      this.#isWaitingForRoom = true;
      await this.#nudge.race(this.#crew.changed());
      isLookDue = true;
    }
    this.#isWaitingForRoom = false;
    if (draining.aborted) return false;
    if (!isLookDue && (await waiter.nextLook(draining)) === undefined) return false;
    if (draining.aborted) return false;
    const reason = await this.#findReasonToLeave();
    if (reason === undefined) return true;
    this.#context.talk.warn(reason);
    this.#switch.drain();
    return false;
  }

  /** After a pause one job finds out whether the agent works again; the others stay in the queue. */
  get #hasNoRoom(): boolean {
    const isTried = this.#context.claimPause.isTrying && this.#crew.members.length > 0;
    return this.#crew.isFull || isTried;
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
    const seen = await this.#look(false);
    const { look } = seen;
    if (look.kind === 'full') return { kind: 'idle' };
    const trouble = describeObstacle(look);
    if (trouble !== undefined) {
      return { kind: 'obstacle', message: trouble };
    }
    // Whether it works again is not known before a job has shown it.
    if (!claimPause.isTrying) onAnswer();
    if (look.kind === 'job') {
      void this.#employ(seen, look, show).catch((error) => {
        this.#trouble = error;
      });
      return { kind: 'claimed' };
    }
    const isIdle = look.kind === 'idle' || look.kind === 'draining';
    // Beside a job at work it would read as if the job were over.
    if (isIdle && this.#crew.members.length === 0) show(idleOf(seen, look));
    return { kind: 'idle' };
  }

  /** The queue is left alone. The server hears of it once; the jobs that wait say so. */
  async #waitOut(pause: CurrentPause): Promise<Obstacle> {
    if (this.#toldPause !== pause && (await this.#desk.tellPause())) this.#toldPause = pause;
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

  async #look(isDry: boolean): Promise<Seen> {
    await this.#revalidating;
    const candidates = await this.#plan.findCandidates();
    const workplaces = workplacesOf(candidates);
    const free = this.#crew.freeAmong(workplaces);
    const isAllBusy = free.length === 0 && workplaces.length > 0;
    const look = isAllBusy ? ({ kind: 'full' } as const) : await this.#desk.look(free, isDry);
    return { look, workplaces, roots: candidates.map((candidate) => candidate.root) };
  }

  #place({ workplaces }: Seen, { job }: JobLook) {
    return placeJob(job, workplaces, this.#plan.defaultRoot);
  }

  #factsOf({ roots }: Seen, { beat }: JobLook) {
    return { beat, candidateRoots: roots, root: this.#plan.defaultRoot };
  }

  /** It was claimed in the moment in which the runner was asked to leave. */
  async #putBack(look: JobLook): Promise<void> {
    const { service, talk } = this.#context;
    const isReleased = await putBack({ service, held: heldOf(look), reason: 'shutting_down' });
    talk.note(describePutBack(look.job.id, isReleased));
  }

  /** Takes a claimed job into the crew; settles when it is over. */
  #employ(seen: Seen, look: JobLook, show: (outcome: CycleOutcome) => void): Promise<void> {
    const placement = this.#place(seen, look);
    const spoolFolder = spoolFolderOf(this.#context, look);
    return this.#crew
      .add({ jobId: look.job.id, spoolFolder, placement }, async (seat: CrewSeat) => {
        if (!(await seat.takePlace(this.#switch.draining))) return this.#putBack(look);
        const { talk } = this.#context;
        if (placement.kind !== 'placed') talk.note(`Job ${look.job.id} cannot run here: ${placement.error}`);
        const report = await runJob(this.#context, {
          ...look,
          placement,
          root: this.#plan.defaultRoot,
          fallbackRepository: this.#plan.fallbackRepository,
          board: this.#board,
          onDesk: seat.onDesk,
          onStarted: (isRefused) => {
            seat.onStarted();
            if (placement.kind === 'placed' && !isRefused) talk.note(describeBegin(look, placement));
          },
        });
        if (report !== undefined) show(jobOutcome(this.#factsOf(seen, look), report));
      })
      .finally(() => {
        // What could not be delivered in time is on the disk, and nobody else looks after it.
        if (this.#waiter !== undefined) this.#tender.tend();
      });
  }
}

function interrupted(message: string): CliError {
  return new CliError(message, { code: 'interrupted', exitCode: EXIT_INTERRUPTED });
}

function describeBegin({ job }: JobLook, placement: Extract<Placement, { kind: 'placed' }>): string {
  return `Working on job ${job.id} in ${placement.session.label} (${placement.workplace.root}).`;
}

function idleOf({ roots }: Seen, { beat }: Extract<Look, { kind: 'idle' | 'draining' }>): CycleOutcome {
  return idleOutcome({ beat, candidateRoots: roots });
}

/** A full disk, a lost permission: it may pass, and nobody restarts a runner at night. */
function describeTrouble(error: unknown): Obstacle {
  return { kind: 'obstacle', message: `${messageOf(error)} Trying again.` };
}
