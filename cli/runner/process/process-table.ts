/**
 * Lists the processes of this machine. A pid alone does not identify a process, because the system reuses pids. So the start
 * time is compared before every signal to a recorded pid.
 *
 * If the list cannot be read (for example, because `ps` cannot start), the functions throw. An empty list would make a runner
 * take over from another living runner.
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
  /** The process has ended, but its parent has not read its exit code yet. */
  isZombie: boolean;
  /** An opaque text that is different for every process, even after a restart of the machine. */
  startTime: string;
}

/** A process that was seen earlier. */
export type ProcessMark = Pick<ProcessEntry, 'pid' | 'startTime'>;

/** Lists every process that this user can see. Throws if the list cannot be read. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const list = process.platform === 'linux' ? listFromProc() : runPs(['-ax', ...COLUMNS]).then(readEntries);
  const entries = await list.catch(cannotTell);
  // A list without this process itself is incomplete.
  return entries.some(({ pid }) => pid === process.pid)
    ? entries
    : cannotTell(new Error('this one is not among them'));
}

/** Returns the process that has this pid now, or undefined. Throws if the process list cannot be read. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  if (process.platform !== 'linux') return findWithPs(pid);
  return bootId()
    .then((boot) => readProcEntry(String(pid), boot))
    .catch(cannotTell);
}

/** Returns whether the recorded process still runs. Throws if the process list cannot be read. */
export async function isStillRunning(mark: ProcessMark): Promise<boolean> {
  const entry = await findProcess(mark.pid);
  return entry !== undefined && !entry.isZombie && entry.startTime === mark.startTime;
}

/**
 * Returns the pid and the start time of this process, by which other processes can check whether it still runs. Throws if the process
 * list cannot be read.
 */
export async function markSelf(): Promise<ProcessMark> {
  return (await findProcess(process.pid)) ?? cannotTell(new Error('this one is not among them'));
}

function cannotTell(cause: unknown): never {
  throw new CliError(`Could not list running processes (${messageOf(cause)}).`, {
    code: 'processes_unknown',
    hint: 'Try again. The system may have too many processes or open files.',
    cause,
  });
}

async function listFromProc(): Promise<ProcessEntry[]> {
  const boot = await bootId();
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(names.map((name) => readProcEntry(name, boot)));
  return entries.filter((entry) => entry !== undefined);
}

/** Reads the fields of /proc/<pid>/stat after the name in brackets. The name may contain spaces and brackets (proc(5)). */
async function readProcEntry(pid: string, boot: string): Promise<ProcessEntry | undefined> {
  const text = await readProcFile(pid, 'stat');
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parentPid, groupId] = fields;
  // Field 22, counted from 1: the start time in ticks since the boot. The boot id makes it unique.
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

/** Returns undefined for a process that has ended or belongs to another user. */
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
      // Some containers have no boot id.
      if (hasCode(error, 'ENOENT', 'EACCES')) return 'boot';
      throw error;
    },
  );
  return knownBootId;
}

/** macOS and the BSDs. */
async function findWithPs(pid: number): Promise<ProcessEntry | undefined> {
  const [entry] = await runPs(['-p', String(pid), ...COLUMNS]).then(readEntries, () => []);
  // `ps` fails in the same way for an unused pid and for its own errors.
  if (entry === undefined && !isFree(pid)) return cannotTell(new Error(`ps did not report process ${pid}`));
  return entry;
}

/** Returns whether certainly no process has this pid. */
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

/** Runs `ps`, which replaces /proc on macOS and the BSDs. */
const run = promisify(execFile);

/** `ps` takes about ten milliseconds. A hanging `ps` must not delay the stop of an agent. */
const LIMIT_MS = 3000;

/** Returns the output of `ps`. Rejects if `ps` fails, even if it has printed something. */
async function runPs(args: readonly string[]): Promise<string> {
  const { stdout } = await run('ps', [...args], {
    // `ps` prints `lstart` in local time. After a change of time zone, the runner would not recognize its own process.
    env: { PATH: toolPath(process.env), LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  return stdout;
}

/**
 * The tag of an agent: an environment variable that every process of the agent inherits. It identifies such a process even if
 * its parent is gone, if it has its own session, or if the runner has crashed. A process that removes the tag is found only
 * through its group or its parents. The value is unique for each run of an agent.
 */
export const TAG_NAME = 'ORP_AGENT_RUN';

/** The tags in the environments of some processes, by pid. */
export interface SeenTags {
  tagged: ReadonlySet<number>;
  /** The processes whose environment the system hides. */
  hidden: ReadonlySet<number>;
}

/** Finds the processes among `entries` that have the tag. Throws if the environments cannot be read. */
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

/** On macOS and the BSDs, `ps` prints the environment after the command. For a protected program, `ps` prints only the command. */
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
