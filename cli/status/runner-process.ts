/** Which runner holds the lock of this machine. */

import { existsSync } from 'node:fs';
import { messageOf } from '../base/exit.ts';
import { runnerLockPath } from '../files/paths.ts';
import type { RunnerHolder } from '../runner/process/runner-lock.ts';

export interface RunnerProcess {
  running: boolean;
  /** A runner that no longer runs left its lock behind. */
  abandoned: boolean;
  /** `service`, `terminal` or `once`. */
  started_by?: string;
  pid?: number;
  instance?: string;
  version?: string;
  started_at_utc?: string;
  draining_at_utc?: string | undefined;
  /** Why it is unknown whether the runner in the lock still runs. */
  error?: string;
}

export async function readRunner({
  env,
  machineId,
}: {
  env: NodeJS.ProcessEnv;
  machineId: string;
}): Promise<RunnerProcess> {
  const nobody = { running: false, abandoned: false };
  if (!existsSync(runnerLockPath(env, machineId))) return nobody;
  const { readRunnerLock } = await import('../runner/process/runner-lock.ts');
  const lock = await readRunnerLock({ env, machineId }).catch((error: unknown) => messageOf(error));
  if (typeof lock === 'string') return { ...nobody, error: lock };
  if (lock.kind !== 'held' && lock.kind !== 'abandoned')
    return { ...nobody, abandoned: lock.kind === 'torn' };
  const isHeld = lock.kind === 'held';
  return { running: isHeld, abandoned: !isHeld, ...describeHolder(lock.holder) };
}

function describeHolder(holder: RunnerHolder) {
  return {
    started_by: holder.isService ? 'service' : holder.isOnce ? 'once' : 'terminal',
    pid: holder.pid,
    instance: holder.instance,
    version: holder.version,
    started_at_utc: holder.startedAtUtc,
    draining_at_utc: holder.drainingAtUtc,
  };
}
