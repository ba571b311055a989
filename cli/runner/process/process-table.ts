/**
 * What runs on this machine right now. A pid alone proves nothing, since the system gives it to somebody else later:
 * every signal to a recorded pid is preceded by a comparison of the start time.
 *
 * When the system does not tell (no process left for `ps`, no file left for /proc), that is an error, never an answer:
 * whoever takes it for "nobody runs" takes over from a runner that lives.
 */

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CliError, messageOf } from '../../base/exit.ts';
import { toolPath } from '../../base/search-path.ts';
import { hasCode } from '../../base/system-error.ts';

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

/** Every process that this user can see. Throws when the system does not tell. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const list = process.platform === 'linux' ? listFromProc() : runPs(['-ax', ...COLUMNS]).then(readEntries);
  const entries = await list.catch(cannotTell);
  // A list without whoever asks is no list.
  return entries.some(({ pid }) => pid === process.pid)
    ? entries
    : cannotTell(new Error('this one is not among them'));
}

/** The process with this pid now; undefined when there is none. Throws when the system does not tell. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  if (process.platform !== 'linux') return findWithPs(pid);
  return bootId()
    .then((boot) => readProcEntry(String(pid), boot))
    .catch(cannotTell);
}

/** Whether the process that was marked still runs. Throws when the system does not tell. */
export async function isStillRunning(mark: ProcessMark): Promise<boolean> {
  const entry = await findProcess(mark.pid);
  return entry !== undefined && !entry.isZombie && entry.startTime === mark.startTime;
}

/** This process, so that others recognize whether it still runs. Throws when the system does not tell. */
export async function markSelf(): Promise<ProcessMark> {
  return (await findProcess(process.pid)) ?? cannotTell(new Error('this one is not among them'));
}

function cannotTell(cause: unknown): never {
  throw new CliError(`The system does not tell which processes run (${messageOf(cause)}).`, {
    code: 'processes_unknown',
    hint: 'Try again; too many processes or open files may be in the way.',
    cause,
  });
}

async function listFromProc(): Promise<ProcessEntry[]> {
  const boot = await bootId();
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(names.map((name) => readProcEntry(name, boot)));
  return entries.filter((entry) => entry !== undefined);
}

/** Fields of /proc/<pid>/stat after the name in brackets, which may itself hold spaces and brackets (proc(5)). */
async function readProcEntry(pid: string, boot: string): Promise<ProcessEntry | undefined> {
  const text = await readProcFile(pid, 'stat');
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

/** Of a process that is gone, or of another user's, there is nothing to read. */
async function readProcFile(pid: string, name: 'stat' | 'environ'): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}

let knownBootId: string | undefined;
async function bootId(): Promise<string> {
  knownBootId ??= await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    (error: unknown) => {
      // Some containers have none, and never will.
      if (hasCode(error, 'ENOENT', 'EACCES')) return 'boot';
      throw error;
    },
  );
  return knownBootId;
}

/** macOS and the BSDs. */
async function findWithPs(pid: number): Promise<ProcessEntry | undefined> {
  const [entry] = await runPs(['-p', String(pid), ...COLUMNS]).then(readEntries, () => []);
  // `ps` ends in the same way for a pid that nobody has and for trouble of its own.
  if (entry === undefined && !isFree(pid)) return cannotTell(new Error(`ps says nothing of process ${pid}`));
  return entry;
}

/** Whether certainly nobody has this pid. */
function isFree(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

const COLUMNS = ['-o', 'pid=,ppid=,pgid=,stat=,lstart='];
const LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*\S)\s*$/;

function readEntries(output: string): ProcessEntry[] {
  return output.split('\n').flatMap((line) => {
    const [, pid, parentPid, groupId, state, startTime] = LINE.exec(line) ?? [];
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

/** The program `ps` of macOS and the BSDs, which tells what /proc tells on Linux. */
const run = promisify(execFile);

/** It takes some ten milliseconds; one that hangs must not hold up whoever is about to stop an agent. */
const LIMIT_MS = 3000;

/** What it prints; rejects when it fails, also with the part that it had printed. */
async function runPs(args: readonly string[]): Promise<string> {
  const { stdout } = await run('ps', [...args], {
    // `lstart` is told in local time: a laptop that travels would take its own runner for another process.
    env: { PATH: toolPath(process.env), LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  return stdout;
}

/**
 * The tag of an agent: a variable in its environment that everything it starts inherits. It tells whose a process is, also
 * when its parent is gone, it has a session of its own, or the runner that started it is dead. A process that removes its tag
 * is found only through its group or its parents. The value is unique for one run of an agent.
 */
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
