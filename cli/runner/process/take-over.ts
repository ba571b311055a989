/**
 * Handles a second runner on a machine. It reports the first runner, or asks the first runner to exit and waits for that. It
 * sends a signal only to a process whose start time it has compared.
 */

import { CliError, EXIT_INTERRUPTED } from '../../base/exit.ts';
import { hasCode } from '../../base/system-error.ts';
import { isOlder } from '../../base/version.ts';
import { isStillRunning } from './process-table.ts';
import { type LockPlace, markAsked, type RunnerHolder, RunnerLock } from './runner-lock.ts';

/** How long `--takeover` waits for the other runner to finish its job. */
export const TAKEOVER_WAIT_SECONDS = 120;

export interface TakeOverOptions {
  place: LockPlace;
  self: RunnerHolder;
  /** How long to wait for the holder to exit. If undefined, the holder is not asked to exit. */
  waitMs: number | undefined;
  now(): number;
  /** Called once a second during the wait. */
  onWait(holder: RunnerHolder, waitedMs: number): void;
  /** Aborting ends the wait. The holder then keeps the machine. */
  signal: AbortSignal;
  pause(ms: number): Promise<void>;
  /** Sends SIGTERM. */
  terminate?(pid: number): void;
}

const LOOK_MS = 200;
const TELL_EVERY = 5;

/** Takes the lock of this machine, or throws an error with the reason. */
export async function becomeRunner(options: TakeOverOptions): Promise<RunnerLock> {
  const first = await RunnerLock.take(options.place, options.self);
  if (first.kind === 'taken') return first.lock;
  const { holder } = first;
  if (options.waitMs === undefined) throw isHeld(holder, options.self);
  if (isOlder(options.self.version, holder.version)) throw isNewer(holder, options.self);
  await askToLeave(holder, options);
  return waitFor(holder, options, options.waitMs);
}

async function askToLeave(holder: RunnerHolder, options: TakeOverOptions): Promise<void> {
  // Mark the holder first, so that only one of two concurrent takeovers sends a signal. A second signal would stop the
  // agents.
  if (!(await markAsked(options.place, holder, options.now()))) return;
  if (!(await isStillRunning(holder))) return;
  try {
    (options.terminate ?? terminate)(holder.pid);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return;
    if (!hasCode(error, 'EPERM')) throw error;
    throw new CliError(
      `${describeHolder(holder)} It belongs to another user, so this command cannot ask it to stop.`,
      {
        code: 'runner_running',
        hint: `End it as that user: \`kill ${holder.pid}\` lets it finish its job first.`,
        cause: error,
      },
    );
  }
}

async function waitFor(holder: RunnerHolder, options: TakeOverOptions, waitMs: number): Promise<RunnerLock> {
  for (let look = 0; look * LOOK_MS < waitMs && !options.signal.aborted; look += 1) {
    if (look % TELL_EVERY === 0) options.onWait(holder, look * LOOK_MS);
    await options.pause(LOOK_MS);
    const attempt = await RunnerLock.take(options.place, options.self);
    if (attempt.kind === 'taken') return attempt.lock;
    // Another runner took the lock first. That runner is not asked to exit.
    if (attempt.holder.pid !== holder.pid) throw isHeld(attempt.holder, options.self);
  }
  if (options.signal.aborted) throw isInterrupted(holder);
  throw new CliError(
    `Runner ${holder.pid} was asked to exit and is still finishing its jobs; it claims no new ones.`,
    {
      code: 'runner_running',
      hint:
        'Run the same command again to keep waiting (`--takeover <seconds>` waits longer). ' +
        `To stop its agent now: \`kill ${holder.pid}\`.`,
    },
  );
}

function isHeld(holder: RunnerHolder, self: RunnerHolder): CliError {
  const hint = self.isOnce
    ? 'It takes the queued jobs itself, so no action is needed. `orp runner status` shows what that runner does. ' +
      'To run one job yourself, take over: `orp runner work --once --takeover`.'
    : '`orp runner status` shows what that runner does. To take over after its current jobs: `orp runner work --takeover`.';
  return new CliError(describeHolder(holder), { code: 'runner_running', hint });
}

function isInterrupted(holder: RunnerHolder): CliError {
  return new CliError(`Interrupted; runner ${holder.pid} was asked to exit and is finishing its jobs.`, {
    code: 'interrupted',
    exitCode: EXIT_INTERRUPTED,
  });
}

function isNewer(holder: RunnerHolder, self: RunnerHolder): CliError {
  return new CliError(
    `${describeHolder(holder)} It is newer than this \`orp\` (${self.version}), which therefore does not take over.`,
    {
      code: 'runner_newer',
      hint: 'Update this `orp`. If you want to go back to this older version, stop the other runner yourself.',
    },
  );
}

/** Describes the holder of this machine for people. */
export function describeHolder(holder: RunnerHolder): string {
  const since = holder.startedAtUtc === '' ? '' : `, since ${holder.startedAtUtc}`;
  const how = holder.isService ? 'as a service' : holder.isOnce ? 'for one job' : 'at a terminal';
  const transport = holder.transport === '' ? '' : `, transport ${holder.transport}`;
  const leaving =
    holder.drainingAtUtc === undefined ? '' : ' It is finishing its jobs and claims no new ones.';
  return (
    `A runner is already running on this machine (${how}): pid ${holder.pid}${since}, ` +
    `version ${holder.version}${transport}.${leaving}`
  );
}

function terminate(pid: number): void {
  process.kill(pid, 'SIGTERM');
}
