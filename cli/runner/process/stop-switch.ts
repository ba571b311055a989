/** Why a running agent must stop. Several may ask; the first reason counts, because it is the one that is acted on. */

export type StopReason =
  /** A person cancelled the job. */
  | { kind: 'cancelled' }
  /** The lease is gone: nothing the agent does is accepted any more. */
  | { kind: 'lease_lost'; why: string }
  /** It ran longer than it may. */
  | { kind: 'time_limit'; limitMs: number }
  /** It printed nothing for longer than it may. */
  | { kind: 'silence'; limitMs: number }
  /** It works in another session than the one that was asked for. */
  | { kind: 'other_session'; asked: string; said: string }
  /** The person at the machine ends the runner. */
  | { kind: 'shutdown' };

export class StopSwitch {
  readonly #asked = Promise.withResolvers<StopReason>();
  #reason: StopReason | undefined;

  /** The reason; undefined while nobody asked. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Settles when somebody asks. */
  get asked(): Promise<StopReason> {
    return this.#asked.promise;
  }

  ask(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#asked.resolve(reason);
  }
}

/** Reads the word of a heartbeat reply as a reason. */
export function stopReasonOf(word: string | undefined): StopReason {
  return word === 'cancelled' ? { kind: 'cancelled' } : { kind: 'lease_lost', why: word ?? 'unknown' };
}
