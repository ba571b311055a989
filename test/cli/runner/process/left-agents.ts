/** Ends the agents that a failed test left behind: a killed runner ends nobody. */

import { execFileSync } from 'node:child_process';

/** Only processes whose command line names the folder of the test are ended. */
export function endLeftAgents(folder: string): void {
  const listing = execFileSync('ps', ['-axo', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  for (const line of listing.split('\n').filter((one) => one.includes(`${folder}/`))) {
    const pid = Number.parseInt(line, 10);
    if (pid !== process.pid) tryKill(pid);
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
