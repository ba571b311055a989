/**
 * Decides when the loop polls next. It polls only if there is room for a job: at once, or when the waiter asks for a poll. It
 * stops when the runner must exit.
 */

import type { WorkContext } from '../job/work-context.ts';
import type { DrainSwitch } from './drain-switch.ts';
import type { JobPool } from './job-pool.ts';
import type { Waiter, WakeSignal } from './wake-signal.ts';

export interface PollTimingOptions {
  pool: JobPool;
  drainSwitch: DrainSwitch;
  wake: WakeSignal;
  waiter: Waiter;
  /** Called before every poll. Returns why this runner must exit, or undefined. */
  findReasonToLeave?: (() => Promise<string | undefined>) | undefined;
}

export class PollTiming {
  readonly #context: Pick<WorkContext, 'claimPause' | 'local' | 'reporter'>;
  readonly #options: PollTimingOptions;
  #isWaitingForRoom = false;
  #isHinted = false;

  constructor(context: Pick<WorkContext, 'claimPause' | 'local' | 'reporter'>, options: PollTimingOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Call this when there may be room for another job. A loop that already waits for room gets no additional poll. */
  noteRoom(): void {
    if (!this.#isWaitingForRoom) this.#options.waiter.poll();
  }

  /** Returns whether there may be work right now: the server says so, or there was room or work a moment ago. */
  get isHinted(): boolean {
    return this.#isHinted;
  }

  /**
   * Waits until a poll is due. Returns false if the runner exits. @param isDue if true, polls as soon as there is room
   */
  async waitForNext(isDue: boolean): Promise<boolean> {
    const { drainSwitch, waiter } = this.#options;
    const { draining } = drainSwitch;
    const hasWaited = await this.#waitForRoom(draining);
    if (draining.aborted) return false;
    const poll = isDue || hasWaited ? 'event' : await waiter.nextPoll(draining);
    if (poll === undefined) return false;
    this.#isHinted = poll === 'event';
    if (draining.aborted) return false;
    const reason = await this.#findReasonToLeave();
    if (reason === undefined) return true;
    this.#context.reporter.warn(reason);
    drainSwitch.drain();
    return false;
  }

  async #waitForRoom(draining: AbortSignal): Promise<boolean> {
    const { pool, wake } = this.#options;
    let hasWaited = false;
    while (this.#hasNoRoom && !draining.aborted) {
      this.#isWaitingForRoom = true;
      await wake.race(pool.changed());
      hasWaited = true;
    }
    this.#isWaitingForRoom = false;
    return hasWaited;
  }

  /** After a pause of the agent, only one job runs, to test whether the agent works again. Other jobs stay in the queue. */
  get #hasNoRoom(): boolean {
    const { pool } = this.#options;
    const isTried = this.#context.claimPause.isTrying && pool.jobs.length > 0;
    return pool.isFull || isTried;
  }

  async #findReasonToLeave(): Promise<string | undefined> {
    try {
      if (!(await this.#context.local.isEnabled()))
        return 'The runner was disabled on this machine; exiting.';
      return await this.#options.findReasonToLeave?.();
    } catch {
      // An unreadable disk is no reason to exit. The poll fails with the same error, and the loop waits.
      return undefined;
    }
  }
}
