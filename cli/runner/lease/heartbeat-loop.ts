/**
 * Tells the service that a job is alive, and listens to what it answers. It never ends by itself: a beat that fails is
 * noted and the next one goes out; only the answer `stop` has a consequence, and that is decided by who listens.
 */

import { pause } from '../../base/pause.ts';
import type { Held, HostedApi, LeaseVerdict } from '../job/hosted-api.ts';

export interface HeartbeatOptions {
  service: HostedApi;
  held: Held;
  intervalMs: number;
  isDraining(): boolean;
  /** A person is being asked whether the job may run. */
  isAsking?(): boolean;
  /** After every beat that was answered. */
  onBeat(verdict: LeaseVerdict | undefined): Promise<void> | void;
  onStop(verdict: LeaseVerdict): void;
}

export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  readonly #end = new AbortController();
  /** Under way. */
  readonly #beats = new Set<Promise<LeaseVerdict | undefined>>();
  #lastError = '';
  readonly #running: Promise<void>;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The error of the last beat that failed; blank when none did. */
  get lastError(): string {
    return this.#lastError;
  }

  /**
   * Beats now, and tells what the service says about the lease; undefined when it could not be asked, or the loop has ended.
   * A beat that is under way answers nobody who asks now: its answer may be older than what made them ask, and after a
   * sleep it may never come.
   */
  async beatNow(): Promise<LeaseVerdict | undefined> {
    if (this.#end.signal.aborted) return undefined;
    const beat = this.#beat();
    this.#beats.add(beat);
    try {
      return await beat;
    } finally {
      this.#beats.delete(beat);
    }
  }

  /** Ends the loop. Beats in flight are waited for, so that they cannot speak up after the job is over. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    await Promise.all(this.#beats);
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    for (;;) {
      await pause(this.#options.intervalMs, signal);
      if (signal.aborted) return;
      await this.beatNow();
    }
  }

  async #beat(): Promise<LeaseVerdict | undefined> {
    const { service, held, isDraining, isAsking, onBeat, onStop } = this.#options;
    const extras = isAsking?.() ? { asking: true } : {};
    const reply = await service.heartbeat(held, isDraining(), extras);
    if (reply.kind !== 'ok') {
      this.#lastError = reply.message;
      return undefined;
    }
    const { verdict } = reply.value;
    // First of all: the agent works on nothing that anybody will take.
    if (verdict?.action === 'stop') onStop(verdict);
    await onBeat(verdict);
    return verdict;
  }
}
