/** Asks the runner of the service to finish and leave, and waits until it has. */

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

/** True when a runner was there and has left. Runners that a person started are left alone. */
export async function letServiceLeave({ place, waitMs, now, say }: LeaveOptions): Promise<boolean> {
  const lock = await readRunnerLock(place);
  if (lock.kind !== 'held' || !lock.holder.isService) return false;
  const { holder } = lock;
  // A second signal would stop its agents.
  if (await markAsked(place, holder, now())) {
    if (await isStillRunning(holder)) process.kill(holder.pid, 'SIGTERM');
  }
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_MS) {
    if (!(await isStillRunning(holder))) return true;
    if (waitedMs > 0 && waitedMs % TELL_MS === 0) {
      say(`Waiting for runner ${holder.pid} to finish its work and leave (${waitedMs / 1000} s).`);
    }
    await pause(LOOK_MS);
  }
  throw new CliError(`Runner ${holder.pid} is still finishing its work; it claims nothing more.`, {
    code: 'runner_running',
    hint: `Repeat the command to go on waiting (--wait <seconds> waits longer). To stop its agent now: \`kill ${holder.pid}\`.`,
  });
}
