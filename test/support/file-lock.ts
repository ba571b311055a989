/** Locks a file in another process, as a program of the agent does with a session that it has open. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isLocked } from '../../cli/agents/session-files/disk.ts';

/** False where the system does not list its locks. */
export const canLock = isLocked('/') !== undefined;

/** Returns a function that kills the process. The file stays. */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const holder = spawn('flock', [path, 'sleep', '300'], { detached: true, stdio: 'ignore' });
  await once(holder, 'spawn');
  while (isLocked(path) !== true) await new Promise((wake) => setTimeout(wake, 5));
  return async () => {
    const gone = once(holder, 'exit');
    process.kill(-(holder.pid ?? 0), 'SIGKILL');
    await gone;
  };
}
