/**
 * One agent process: its own process group, prompt on stdin, output handed on as it comes. Memory stays bounded however
 * much is printed, because the next read waits until the last one was dealt with. A child of the agent that inherited
 * the pipe cannot hold the runner: some time after the agent itself has ended, the pipe is closed and the rest is ended.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type LeaderMark, ProcessFamily } from './family.ts';
import { findProcess, TAG_NAME } from './process-table.ts';
import { STOP_GRACES, type StopGraces, type StopReceipt, stopFamily } from './terminate.ts';

export interface ChildPlan {
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  input: string;
  /** Unique for this run; everything that the agent starts inherits it. */
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
  /** Processes that outlived the agent and were ended, if any. */
  leftovers?: StopReceipt | undefined;
}

export interface RunningChild {
  /** Who runs; recorded on disk so that a restarted runner recognizes it. */
  mark: LeaderMark;
  /** Settles when the agent has ended, everything it printed was handed on, and nobody of its family is left. */
  ended: Promise<ChildEnd>;
  /** Walks the stop ladder; repeated calls share one walk. */
  stop(): Promise<StopReceipt>;
}

export type ChildStart = { kind: 'running'; child: RunningChild } | { kind: 'refused'; message: string };

/** After the agent has ended, its pipe holds at most some hundred KiB: 2 s are plenty to read them. */
const PIPE_GRACE_MS = 2000;
/** Whoever outlives the agent is not saving a session: short graces. */
const LEFTOVER_GRACES: StopGraces = { interruptMs: 500, terminateMs: 1500 };

/** Starts the process; refused when the system cannot start it. */
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
      // It cannot be killed, or not yet: the runner does not wait for it. Had it ended, that is known already.
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
      /** Settles when everything it printed was handed on. */
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
      // Later errors are failed signals; the ladder looks for itself whether anybody is left.
    });
    // Before anything else is waited for: of a process that ends unread, Node throws away what it printed.
    const drained = Promise.all([drain(started.stdout, output.stdout), drain(started.stderr, output.stderr)]);
    drained.catch(() => {
      // Reported by `ended`, which looks at it only after the process has gone.
    });
    feed(started.stdin, plan.input);
    const { pid = 0 } = started;
    // It runs, whatever the system tells: from here on it is looked after.
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
    // The agent ended, or closed its stdin, before it read the whole prompt: its exit code tells the story.
  });
  stdin.end(input);
}

async function drain(stream: Readable, handle: (bytes: Uint8Array) => Promise<void> | void): Promise<void> {
  try {
    for await (const bytes of stream) await handle(bytes);
  } catch (error) {
    // A destroyed pipe ends the loop with an error of the stream; an error of the handler is a bug and must be seen.
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
