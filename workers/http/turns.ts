/** A request waits for the turn of its account, is charged for what it used, and has an answer in the time that clients wait. */

import type { Context } from 'hono';
import { PACE } from '../../spec/bounds.ts';
import type { Refusal } from '../../spec/errors.ts';
import type { Pacer } from '../accounts/pace.ts';
import { TooLate } from '../base/failures.ts';
import { inTime } from '../store/in-time.ts';
import type { AppEnv } from './app-env.ts';

/** Clients wait about 10 s, so each gets an answer by then: `unavailable`. Receiving the body does not count. */
const ANSWER_WITHIN_MS = 9000;
/** The time that is left for a request that has waited long for its turn. */
const LEAST_MS = 1000;

/** How long this request may still take. */
export function leftMs(context: Context<AppEnv>): number {
  return ANSWER_WITHIN_MS - (Date.now() - context.get('startedAt'));
}

/** The result of `work`; when it comes too late, `letGo` gets it. */
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
  /** The answer is a stream. */
  streams: boolean;
  answer(): Promise<Response>;
  /** The account asks for more than its share. */
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
