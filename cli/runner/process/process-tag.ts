/**
 * A tag in the environment of the agent, inherited by everything it starts: it tells whose a process is, also when its
 * parent has gone, it has a session of its own, or the runner that started it is dead. A process may take its tag off;
 * one that does is found only through its group or its parents.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ProcessEntry } from './process-table.ts';

const run = promisify(execFile);

/** Name of the variable; its value is unique for one run of an agent. */
export const TAG_NAME = 'ORP_AGENT_RUN';

/** The pids among `entries` that carry the tag. Where the system does not show the environment, there are none. */
export async function listTagged(tag: string, entries: readonly ProcessEntry[]): Promise<Set<number>> {
  const wanted = `${TAG_NAME}=${tag}`;
  if (process.platform !== 'linux') return listFromPs(wanted);
  const pids = await Promise.all(
    entries.map(async ({ pid }) => {
      // Of other users' processes it cannot be read: they are none of ours.
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(wanted) ? [pid] : [];
    }),
  );
  return new Set(pids.flat());
}

/** macOS and the BSDs print the environment behind the command. */
async function listFromPs(wanted: string): Promise<Set<number>> {
  const { stdout } = await run('ps', ['-Eaxww', '-o', 'pid=,command='], {
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 * 1024,
  }).catch(() => ({ stdout: '' }));
  const lines = stdout.split('\n').filter((line) => line.split(' ').includes(wanted));
  return new Set(lines.map((line) => Number.parseInt(line, 10)));
}
