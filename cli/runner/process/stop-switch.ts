/** Stops a running agent. Several parts of the runner may request a stop; only the first reason counts. */

export type StopReason =
  /** A person cancelled the job. */
  | { kind: 'cancelled' }
  /** The lease is gone, so the server accepts no result of the agent. */
  | { kind: 'lease_lost'; why: string }
  /** The agent ran longer than allowed. */
  | { kind: 'time_limit'; limitMs: number }
  /** The agent printed nothing for longer than allowed. */
  | { kind: 'silence'; limitMs: number }
  /** The agent works in another session than the requested one. */
  | { kind: 'other_session'; asked: string; said: string }
  /** The person at the machine stops the runner. */
  | { kind: 'shutdown' };

export class StopSwitch {
  readonly #asked = Promise.withResolvers<StopReason>();
  #reason: StopReason | undefined;

  /** The reason, or undefined if no stop was requested. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Settles when a stop is requested. */
  get asked(): Promise<StopReason> {
    return this.#asked.promise;
  }

  ask(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#asked.resolve(reason);
  }
}

/** Converts the word in the answer to a heartbeat into a reason. */
export function stopReasonOf(word: string | undefined): StopReason {
  return word === 'cancelled' ? { kind: 'cancelled' } : { kind: 'lease_lost', why: word ?? 'unknown' };
}
