/** The program `ps` of macOS and the BSDs, which tells what /proc tells on Linux. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toolPath } from '../../files/folders.ts';

const run = promisify(execFile);

/** It takes some ten milliseconds; one that hangs must not hold up whoever is about to stop an agent. */
const LIMIT_MS = 3000;

/** What it prints; rejects when it fails, also with the part that it had printed. */
export async function runPs(args: readonly string[]): Promise<string> {
  const { stdout } = await run('ps', [...args], {
    // `lstart` is told in local time: a laptop that travels would take its own runner for another process.
    env: { PATH: toolPath(process.env), LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  return stdout;
}
