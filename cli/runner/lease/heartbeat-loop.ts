/**
 * Tells the server that a job is alive, and passes on its answers. The loop never ends by itself: it notes a failed beat and
 * sends the next one. Only the answer `stop` has a consequence, and the owner of the loop decides which.
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
  /** After every beat that the server has answered. */
  onBeat(verdict: LeaseVerdict | undefined): Promise<void> | void;
  onStop(verdict: LeaseVerdict): void;
}

export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  readonly #end = new AbortController();
  /** Sent and not answered yet. */
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
   * Beats now, and returns what the server says about the lease; undefined when it could not be asked, or the loop has ended.
   * A beat that was sent before is no answer: it may be older than the reason to ask now, and after a sleep it may never come.
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

  /** Ends the loop. Waits for beats in flight, so that none of their answers comes after the job is over. */
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
    // First of all: the server will not accept the agent's work.
    if (verdict?.action === 'stop') onStop(verdict);
    await onBeat(verdict);
    return verdict;
  }
}
