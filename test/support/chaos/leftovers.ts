/** Finds leftovers after all runners have exited: processes, locks, undelivered results, private files. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ChaosMachine } from './machine.ts';

/** Processes whose command line names the folder. */
function listProcessesOf(folder: string): { pid: number; command: string }[] {
  const listing = execFileSync('ps', ['-axo', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  return listing
    .split('\n')
    .filter((line) => line.includes(`${folder}/`) || line.trimEnd().endsWith(folder))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }))
    .filter(({ pid }) => pid !== process.pid);
}

/** Ends the processes that a failed run left behind. */
export function endProcessesOf(folder: string): void {
  for (const { pid } of listProcessesOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has just ended by itself.
    }
  }
}

/** Returns every leftover, one sentence each. */
export function findLeftovers(folder: string, machines: readonly ChaosMachine[]): string[] {
  return [
    ...listProcessesOf(folder).map(({ command }) => `A process is left: ${command.slice(0, 300)}`),
    ...machines.flatMap((machine) => leftoversOf(machine)),
  ];
}

function leftoversOf(machine: ChaosMachine): string[] {
  const writers = [machine.config, machine.state, machine.link]
    .flatMap((place) => filesIn(place))
    .filter((path) => /lock$/.test(basename(path)));
  // The folder of the lock also has the status record of the last runner, which may stay.
  const runners = filesIn(join(machine.state, 'orp', 'runner')).filter(
    (path) => !path.endsWith('-live.json'),
  );
  const locks = [...writers, ...runners];
  const spooled = filesIn(join(machine.state, 'orp', 'spool')).filter((path) => path.endsWith('.jsonl'));
  const temporary = existsSync(machine.temporary) ? readdirSync(machine.temporary) : [];
  return [
    ...locks.map((path) => `A lock is left: ${path}`),
    ...spooled.map((path) => `Something undelivered is left: ${path}`),
    ...temporary.map((name) => `A private file is left: ${join(machine.temporary, name)}`),
  ];
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}
