/**
 * A tag in the environment of the agent, inherited by everything it starts: it tells whose a process is, also when its
 * parent has gone, it has a session of its own, or the runner that started it is dead. A process may take its tag off;
 * one that does is found only through its group or its parents.
 */

import { type ProcessEntry, readProcFile } from './process-table.ts';
import { runPs } from './ps.ts';

/** Name of the variable; its value is unique for one run of an agent. */
export const TAG_NAME = 'ORP_AGENT_RUN';

/** What the environments of some processes say, by pid. */
export interface SeenTags {
  tagged: ReadonlySet<number>;
  /** Of these the system does not show the environment. */
  hidden: ReadonlySet<number>;
}

/** Who among `entries` carries the tag. Throws when the system cannot be asked. */
export async function readTags(tag: string, entries: readonly ProcessEntry[]): Promise<SeenTags> {
  const wanted = `${TAG_NAME}=${tag}`;
  const environments = process.platform === 'linux' ? await readFromProc(entries) : await readFromPs(entries);
  const pids = (test: (words: readonly string[] | undefined) => boolean) =>
    new Set(entries.map(({ pid }) => pid).filter((pid) => test(environments.get(pid))));
  return {
    tagged: pids((words) => words?.includes(wanted) ?? false),
    hidden: pids((words) => words === undefined),
  };
}

type Environments = Map<number, string[]>;

async function readFromProc(entries: readonly ProcessEntry[]): Promise<Environments> {
  const environments: Environments = new Map();
  await Promise.all(
    entries.map(async ({ pid }) => {
      const environment = await readProcFile(String(pid), 'environ');
      if (environment !== undefined) environments.set(pid, environment.split('\0'));
    }),
  );
  return environments;
}

/** macOS and the BSDs print the environment behind the command; of a protected program only the command. */
async function readFromPs(entries: readonly ProcessEntry[]): Promise<Environments> {
  const output = await runPs(['-Eaxww', '-o', 'pid=,command=']);
  const asked = new Set(entries.map(({ pid }) => pid));
  const environments: Environments = new Map();
  for (const line of output.split('\n')) {
    const pid = Number.parseInt(line, 10);
    const words = line.trim().split(' ').slice(1);
    if (asked.has(pid) && words.some((word) => /^[A-Za-z_]\w*=/.test(word))) environments.set(pid, words);
  }
  return environments;
}
