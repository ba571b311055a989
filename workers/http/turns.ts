/** Lets a request wait for its account's turn, charges the account for its cost, and answers before clients give up. */

import type { Context } from 'hono';
import { PACE } from '../../spec/bounds.ts';
import type { Refusal } from '../../spec/errors.ts';
import type { Pacer } from '../accounts/pace.ts';
import { TooLate } from '../base/failures.ts';
import { inTime } from '../store/database.ts';
import type { AppEnv } from './app-env.ts';

/**
 * Clients wait about 10 s, so a request that takes longer than this is answered with `unavailable`. The time to receive
 * the body does not count.
 */
const ANSWER_WITHIN_MS = 9000;
/** A request that has waited long for its turn may still take at least this time. */
const LEAST_MS = 1000;

/** Returns how long this request may still take. */
export function leftMs(context: Context<AppEnv>): number {
  return ANSWER_WITHIN_MS - (Date.now() - context.get('startedAt'));
}

/** Returns the result of `work`. If the result comes too late, passes it to `letGo`. */
export function answerWithin<T>(
  context: Context<AppEnv>,
  { work, ms, letGo }: { work: Promise<T>; ms: number; letGo?: (late: T) => Promise<void> },
): Promise<T> {
  return inTime(work, Math.max(ms, LEAST_MS), () => {
    context.get('deps').later(letGo === undefined ? work : work.then(letGo));
    throw new TooLate();
  });
}

export interface Turn {
  pacer: Pacer;
  /** True if the answer is a stream. */
  streams: boolean;
  answer(): Promise<Response>;
  /** Answers a request of an account that has used more than its share. */
  refused(refusal: Refusal): Promise<Response>;
}

/** Delays an account that has overspent its share, and charges it for what the request used. */
export async function inTurn(context: Context<AppEnv>, turn: Turn): Promise<Response> {
  const userId = context.get('auth')?.id;
  if (userId === undefined) return turn.answer();
  const entered = await turn.pacer.enter(userId);
  if (entered.kind === 'refused') {
    return turn.refused(tooManyRequests(entered.retryAfterMs, turn.pacer.share.bytesPerSecond));
  }
  const { spent } = context.get('deps');
  try {
    return await turn.answer();
  } finally {
    const bytes = spent.bytes + spent.rows * PACE.rowBytes + (turn.streams ? PACE.streamBytes : 0);
    entered.done({ bytes, heavyBytes: bytes + spent.characters });
  }
}

function tooManyRequests(retryAfterMs: number, bytesPerSecond: number): Refusal {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1000);
  return {
    code: 'too_many_requests',
    message: `Your account asks for more than its share: ${bytesPerSecond} bytes a second.`,
    hint: `Try again in ${retryAfterSeconds} s.`,
    retryAfterSeconds,
  };
}
