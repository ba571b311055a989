/**
 * Pauses claiming while the agent cannot take work. If the account, the sign-in or the program of the agent fails, every job
 * in the queue would fail. So the runner stops claiming until the time that the agent named, or for growing pauses. Then it
 * tries one job.
 */

import type { ConditionCode, MachineConditionCode } from '../../../spec/job/condition.ts';
import { REASON_LENGTH, releaseSentence } from '../../../spec/job/release.ts';
import { clip, oneLine } from '../../../spec/text.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import type { HostedApi } from './hosted-api.ts';

export interface PauseReason {
  code: ConditionCode;
  /** The text of the agent's error. */
  message: string;
  /** When the agent works again, as the agent reported, epoch ms. */
  until?: number | undefined;
}

/** Why the runner claims nothing, and until when. Without `until`, the pause lasts until the agent works again. */
export interface CurrentPause extends PauseReason {
  /** True if the agent named the time. False if the time is the runner's next attempt. */
  isNamed: boolean;
}

/** The part of a pause that the server shows. */
export type ShownPause = Pick<CurrentPause, 'message' | 'until'> & { code: MachineConditionCode };

/** 1 min, doubling to 30 min: an overloaded model recovers soon, but a sign-in needs a person. */
const FIRST_MS = 60_000;
const LIMIT_MS = 30 * 60_000;

export class ClaimPause {
  readonly #now: () => number;
  readonly #firstMs: number;
  #onChange: (pause: CurrentPause | undefined) => void = () => undefined;
  #met: CurrentPause | undefined;
  #lacking: CurrentPause | undefined;
  /** The number of consecutive jobs that the agent could not take. */
  #meetings = 0;

  constructor({ now = Date.now, firstMs = FIRST_MS }: { now?: () => number; firstMs?: number } = {}) {
    this.#now = now;
    this.#firstMs = firstMs;
  }

  /** Called when a pause begins or changes, and when a job ends it. Not called when the time of the pause has passed. */
  set onChange(listener: (pause: CurrentPause | undefined) => void) {
    this.#onChange = listener;
  }

  /** The current pause, or undefined if the runner may claim jobs. */
  get current(): CurrentPause | undefined {
    const { until } = this.#met ?? {};
    return this.#lacking ?? (until !== undefined && until > this.#now() ? this.#met : undefined);
  }

  /** True after a pause, until a job has shown that the agent works again. The runner then claims only one job. */
  get isTrying(): boolean {
    return this.#meetings > 0 && this.current === undefined;
  }

  /** Records that a job begins. Pass the returned value to {@link worked}. */
  begin(): number {
    return this.#meetings;
  }

  /** Records that the agent could not take a job. */
  meet({ code, message, until }: PauseReason): void {
    this.#meetings += 1;
    const now = this.#now();
    const nextTry = now + Math.min(LIMIT_MS, this.#firstMs * 2 ** Math.min(this.#meetings - 1, 20));
    const isNamed = until !== undefined && until > nextTry - this.#firstMs;
    const words = clip(oneLine(message), REASON_LENGTH);
    this.#met = { code, message: words, until: isNamed ? Math.max(until, now) : nextTry, isNamed };
    this.#onChange(this.current);
  }

  /**
   * Records that the agent took a job.
   * @param begun the value that {@link begin} returned. A job that began before the last failure proves nothing.
   */
  worked(begun: number): void {
    if (begun !== this.#meetings || this.#meetings === 0) return;
    this.#meetings = 0;
    this.#met = undefined;
    this.#onChange(this.current);
  }

  /** Records why the agent's executable is unusable. Pass undefined if it is usable. */
  lack(message: string | undefined): void {
    if (message === this.#lacking?.message) return;
    this.#lacking =
      message === undefined ? undefined : { code: 'agent_unavailable', message, isNamed: false };
    this.#onChange(this.current);
  }
}

/** The sentence for the person at this machine. */
export function describePause({ code, message, until, isNamed }: CurrentPause): string {
  const next =
    isNamed && until !== undefined ? `Claiming again at ${localTime(until)}.` : 'Trying again later.';
  return `${releaseSentence(code, message)} ${next}`;
}

/** An invalid policy is described without its contents, which stay on this machine. */
function reasonOf(policy: Pick<OwnerPolicy, 'reasonToWait'> | undefined) {
  const reason = policy?.reasonToWait();
  return reason?.code === 'policy_invalid' ? { ...reason, message: '' } : reason;
}

/** Local time: `2026-11-27 07:36`. */
function localTime(instant: number): string {
  const at = new Date(instant);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Adds the reason to claim nothing to every heartbeat, including the heartbeats of running jobs. */
export function sayingPause(
  service: HostedApi,
  pause: Pick<ClaimPause, 'current'>,
  policy?: Pick<OwnerPolicy, 'reasonToWait'>,
): HostedApi {
  return {
    ...service,
    heartbeat: (held, draining, extras) => {
      const { code, message, until } = pause.current ?? reasonOf(policy) ?? {};
      if (code === undefined || message === undefined) return service.heartbeat(held, draining, extras);
      const at = until === undefined ? {} : { until: new Date(until).toISOString() };
      return service.heartbeat(held, draining, { ...extras, condition: { code, message, ...at } });
    },
  };
}
