/**
 * What runs on this machine right now. A pid alone proves nothing, since the system gives it to somebody else later:
 * every signal to a recorded pid is preceded by a comparison of the start time.
 */

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProcessEntry {
  pid: number;
  parentPid: number;
  groupId: number;
  /** Dead, and only waiting for its parent to notice. */
  isZombie: boolean;
  /** Opaque; equal for the same process and for no other, also across restarts of the machine. */
  startTime: string;
}

/** A process that was seen earlier. */
export type ProcessMark = Pick<ProcessEntry, 'pid' | 'startTime'>;

/** Every process that this user can see. */
export function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === 'linux' ? listFromProc() : listFromPs([]);
}

/** The process with this pid now; undefined when there is none. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  if (process.platform === 'linux') return readProcEntry(String(pid), await bootId());
  const [entry] = await listFromPs(['-p', String(pid)]);
  return entry;
}

/** Whether the process that was marked still runs. */
export async function isStillRunning(mark: ProcessMark): Promise<boolean> {
  const entry = await findProcess(mark.pid);
  return entry !== undefined && !entry.isZombie && entry.startTime === mark.startTime;
}

async function listFromProc(): Promise<ProcessEntry[]> {
  const boot = await bootId();
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(names.map((name) => readProcEntry(name, boot)));
  return entries.filter((entry) => entry !== undefined);
}

/** Fields of /proc/<pid>/stat after the name in brackets, which may itself hold spaces and brackets (proc(5)). */
async function readProcEntry(pid: string, boot: string): Promise<ProcessEntry | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parentPid, groupId] = fields;
  // Field 22, counted from 1 with pid and name; ticks since the machine started, hence the boot id beside it.
  const startTicks = fields[19];
  if (startTicks === undefined) return undefined;
  return {
    pid: Number(pid),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    isZombie: state === 'Z' || state === 'X',
    startTime: `${boot}/${startTicks}`,
  };
}

let knownBootId: Promise<string> | undefined;
function bootId(): Promise<string> {
  knownBootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => 'boot',
  );
  return knownBootId;
}

const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*\S)\s*$/;

/** macOS and the BSDs. */
async function listFromPs(selection: string[]): Promise<ProcessEntry[]> {
  const columns = ['-o', 'pid=,ppid=,pgid=,stat=,lstart='];
  const args = selection.length > 0 ? [...selection, ...columns] : ['-ax', ...columns];
  const { stdout } = await run('ps', args, {
    // `lstart` is told in local time: a laptop that travels would take its own runner for another process.
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 16 * 1024 * 1024,
  }).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parentPid, groupId, state, startTime] = PS_LINE.exec(line) ?? [];
    if (startTime === undefined || state === undefined) return [];
    return [
      {
        pid: Number(pid),
        parentPid: Number(parentPid),
        groupId: Number(groupId),
        isZombie: state.startsWith('Z'),
        startTime,
      },
    ];
  });
}
