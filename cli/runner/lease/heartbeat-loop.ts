/**
 * Sends the heartbeats of a job and passes on the answers. The loop never ends by itself: after a failed heartbeat it sends
 * the next one. Only the answer `stop` has a consequence, which the owner of the loop decides.
 */

import { pause } from '../../base/pause.ts';
import type { Held, HostedApi, LeaseVerdict } from '../job/hosted-api.ts';

export interface HeartbeatOptions {
  service: HostedApi;
  held: Held;
  intervalMs: number;
  isDraining(): boolean;
  /** Returns whether the runner is asking a person about the job. */
  isAsking?(): boolean;
  /** Called after every heartbeat that the server has answered. */
  onBeat(verdict: LeaseVerdict | undefined): Promise<void> | void;
  onStop(verdict: LeaseVerdict): void;
}

export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  readonly #end = new AbortController();
  /** The heartbeats that are sent but not answered yet. */
  readonly #beats = new Set<Promise<LeaseVerdict | undefined>>();
  #lastError = '';
  readonly #running: Promise<void>;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The error of the last failed heartbeat. Blank if none failed. */
  get lastError(): string {
    return this.#lastError;
  }

  /**
   * Sends a heartbeat now and returns the state of the lease. Returns undefined if the server did not answer, or if the loop
   * has ended. It does not wait for an earlier heartbeat: that answer may be out of date, and after a sleep it may never
   * arrive.
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

  /** Ends the loop. Waits for unanswered heartbeats, so that no answer arrives after the end of the job. */
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
    // Stop first, because the server will not accept the agent's work.
    if (verdict?.action === 'stop') onStop(verdict);
    await onBeat(verdict);
    return verdict;
  }
}
