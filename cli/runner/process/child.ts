/**
 * Runs one agent process. It has its own process group, gets the prompt on stdin, and its output is passed on at once. Memory
 * stays bounded, because each read waits until the previous output is processed. If a child of the agent keeps the pipe open
 * after the agent has ended, the runner closes the pipe after a short time and ends the child.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type LeaderMark, ProcessFamily } from './family.ts';
import { findProcess, TAG_NAME } from './process-table.ts';
import type { StopReason } from './stop-switch.ts';
import { STOP_GRACES, type StopGraces, type StopReceipt, stopFamily } from './terminate.ts';

export interface ChildPlan {
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  input: string;
  /** A value that is unique for this run. Every process that the agent starts inherits it. */
  tag: string;
}

export interface ChildOutput {
  stdout(bytes: Uint8Array): Promise<void> | void;
  stderr(bytes: Uint8Array): Promise<void> | void;
}

/** How a process ended, as a value. */
export interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The processes that still ran after the agent and were ended. */
  leftovers?: StopReceipt | undefined;
}

export interface RunningChild {
  /** Identifies the process. It is recorded on disk, so that a restarted runner can find the process. */
  mark: LeaderMark;
  /** Settles when the agent has ended, all its output was passed on, and none of its processes is left. */
  ended: Promise<ChildEnd>;
  /** Stops the agent with increasingly strong signals. Repeated calls share one stop. */
  stop(reason?: StopReason): Promise<StopReceipt>;
}

export type ChildStart = { kind: 'running'; child: RunningChild } | { kind: 'refused'; message: string };

/** Enough time to read the rest of the pipe (a few hundred KiB) after the agent has ended. */
const PIPE_GRACE_MS = 2000;
/** How long to wait between signals. The time is short, because a process that still runs after the agent has no session to save. */
const LEFTOVER_GRACES: StopGraces = { interruptMs: 500, terminateMs: 1500 };

/** Starts the process. Returns a refusal if the system cannot start it. */
export async function startChild(
  plan: ChildPlan,
  output: ChildOutput,
  graces: StopGraces = STOP_GRACES,
): Promise<ChildStart> {
  const spawned = await spawnInGroup(plan, output);
  if (spawned.kind === 'refused') return spawned;

  const { started, exited, drained, mark } = spawned;
  const family = ProcessFamily.started({ leader: mark, tag: plan.tag });
  const abandoned = Promise.withResolvers<ChildEnd>();
  let stopping: Promise<StopReceipt> | undefined;
  const stop = () => {
    stopping ??= stopFamily(family, graces).then((receipt) => {
      // Some processes cannot be killed now. The runner does not wait for them.
      if (receipt.left > 0) abandoned.resolve({ exitCode: null, signal: null });
      return receipt;
    });
    return stopping;
  };
  const ended = Promise.race([exited, abandoned.promise]).then(async (end) => {
    await withinMs(drained, PIPE_GRACE_MS);
    await stopping;
    const leftovers = await stopFamily(family, LEFTOVER_GRACES);
    if (!(await withinMs(drained, PIPE_GRACE_MS))) {
      started.stdout.destroy();
      started.stderr.destroy();
      await drained;
    }
    return leftovers.signal === 'none' ? end : { ...end, leftovers };
  });
  return { kind: 'running', child: { mark, ended, stop } };
}

type Spawned =
  | {
      kind: 'spawned';
      started: ChildProcessByStdio<Writable, Readable, Readable>;
      exited: Promise<ChildEnd>;
      /** Settles when all output was passed on. */
      drained: Promise<unknown>;
      mark: LeaderMark;
    }
  | { kind: 'refused'; message: string };

async function spawnInGroup(plan: ChildPlan, output: ChildOutput): Promise<Spawned> {
  try {
    const started = spawn(plan.command, [...plan.args], {
      cwd: plan.cwd,
      env: { ...plan.env, [TAG_NAME]: plan.tag },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const exited = new Promise<ChildEnd>((settle) => {
      started.once('exit', (exitCode, signal) => settle({ exitCode, signal }));
    });
    await once(started, 'spawn');
    started.on('error', () => {
      // Later errors are failed signals. The stop function checks by itself which processes are left.
    });
    // Start reading before any other wait, because Node drops the output of a process that ends unread.
    const drained = Promise.all([drain(started.stdout, output.stdout), drain(started.stderr, output.stderr)]);
    drained.catch(() => {
      // `ended` reports this error after the process has ended.
    });
    feed(started.stdin, plan.input);
    const { pid = 0 } = started;
    // The process runs and must be supervised, even if the system does not report its start time.
    const startTime = await findProcess(pid).then(
      (entry) => entry?.startTime ?? '',
      () => undefined,
    );
    return { kind: 'spawned', started, exited, drained, mark: { pid, startTime } };
  } catch (error) {
    return { kind: 'refused', message: error instanceof Error ? error.message : String(error) };
  }
}

function feed(stdin: Writable, input: string): void {
  stdin.on('error', () => {
    // The agent ended or closed its stdin before it had read the complete prompt. Its exit code shows what happened.
  });
  stdin.end(input);
}

async function drain(stream: Readable, handle: (bytes: Uint8Array) => Promise<void> | void): Promise<void> {
  try {
    for await (const bytes of stream) await handle(bytes);
  } catch (error) {
    // A destroyed pipe ends the loop with a stream error, which is expected. An error of the handler is a bug.
    if (!stream.destroyed || !(error instanceof Error && 'code' in error)) throw error;
  }
}

async function withinMs(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((settle) => {
    timer = setTimeout(() => settle(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true as const), limit]);
  } finally {
    clearTimeout(timer);
  }
}
