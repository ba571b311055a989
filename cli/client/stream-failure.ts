/** Judges an answer that came instead of an event stream. */

import type { HttpAnswer } from './http.ts';
import { judgeRefusal, type Received } from './judge.ts';
import { foreign, refused, type ServerError } from './server-error.ts';

/** Returns whether the answer is an event stream. */
export function isEventStream({ status, headers }: Pick<HttpAnswer, 'status' | 'headers'>): boolean {
  return status === 200 && (headers.get('content-type') ?? '').startsWith('text/event-stream');
}

/** The error for any other answer. */
export function streamFailure(received: Received, path: string): ServerError {
  const judged = judgeRefusal(received);
  const answer = { ...received, path };
  switch (judged.kind) {
    case 'refusal':
      return refused(answer, judged.refusal, 'refused');
    case 'unsigned':
      return refused(answer, judged.sentence, 'unsigned');
    case 'foreign':
      return foreign(answer, { what: judged.what, isSafe: true });
  }
}
