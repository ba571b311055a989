/** Asks the service's runner to finish and exit, and waits for it. */

import { CliError } from '../base/exit.ts';
import { pause } from '../base/pause.ts';
import { isStillRunning } from '../runner/process/process-table.ts';
import { type LockPlace, markAsked, readRunnerLock } from '../runner/process/runner-lock.ts';

const LOOK_MS = 200;
const TELL_MS = 10_000;

export interface LeaveOptions {
  place: LockPlace;
  waitMs: number;
  now(): number;
  say(text: string): void;
}

/** Returns true if a runner was running and has exited. Does not touch runners that were started at a terminal. */
export async function letServiceLeave({ place, waitMs, now, say }: LeaveOptions): Promise<boolean> {
  const lock = await readRunnerLock(place);
  if (lock.kind !== 'held' || !lock.holder.isService) return false;
  const { holder } = lock;
  // Send the signal only once: a second one would stop the agents.
  if (await markAsked(place, holder, now())) {
    if (await isStillRunning(holder)) process.kill(holder.pid, 'SIGTERM');
  }
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_MS) {
    if (!(await isStillRunning(holder))) return true;
    if (waitedMs > 0 && waitedMs % TELL_MS === 0) {
      say(`Waiting for runner ${holder.pid} to finish its job and exit (${waitedMs / 1000} s).`);
    }
    await pause(LOOK_MS);
  }
  throw new CliError(`Runner ${holder.pid} is still finishing its job. It claims no new ones.`, {
    code: 'runner_running',
    hint: `Repeat the command to keep waiting, or raise --wait <seconds>. To stop its agent now, run \`kill ${holder.pid}\`.`,
  });
}
