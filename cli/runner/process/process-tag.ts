/**
 * A tag in the environment of the agent, inherited by everything it starts: it tells whose a process is, also when its
 * parent has gone, it has a session of its own, or the runner that started it is dead. A process may take its tag off;
 * one that does is found only through its group or its parents.
 */

import { type ProcessEntry, readProcFile } from './process-table.ts';
import { runPs } from './ps.ts';

/** Name of the variable; its value is unique for one run of an agent. */
export const TAG_NAME = 'ORP_AGENT_RUN';

/**
 * The pids among `entries` that carry the tag. Where the system does not show the environment, there are none; throws when
 * it cannot be asked.
 */
export async function listTagged(tag: string, entries: readonly ProcessEntry[]): Promise<Set<number>> {
  const wanted = `${TAG_NAME}=${tag}`;
  if (process.platform !== 'linux') return listFromPs(wanted);
  const pids = await Promise.all(
    entries.map(async ({ pid }) => {
      const environment = await readProcFile(String(pid), 'environ');
      return environment?.split('\0').includes(wanted) ? [pid] : [];
    }),
  );
  return new Set(pids.flat());
}

/** macOS and the BSDs print the environment behind the command. */
async function listFromPs(wanted: string): Promise<Set<number>> {
  const output = await runPs(['-Eaxww', '-o', 'pid=,command=']);
  const lines = output.split('\n').filter((line) => line.split(' ').includes(wanted));
  return new Set(lines.map((line) => Number.parseInt(line, 10)));
}
