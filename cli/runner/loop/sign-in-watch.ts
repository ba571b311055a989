/**
 * Notices that somebody signed in or out on this machine. Calls are under the sign-in of their moment by themselves; an
 * open channel belongs to the one that opened it, and would be woken for that account's jobs.
 */

import type { LocalState } from '../job/work-context.ts';

/** Somebody who has just signed in watches what happens; to read one small file costs nothing. */
const LOOK_EVERY_MS = 1000;

/** Starts; returns what ends it. */
export function startSignInWatch(local: Pick<LocalState, 'watchSignIn'>, onChange: () => void): () => void {
  let isAnother = local.watchSignIn();
  const timer = setInterval(() => {
    if (!isAnother()) return;
    isAnother = local.watchSignIn();
    onChange();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
