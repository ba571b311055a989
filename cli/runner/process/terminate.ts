/**
 * Ends an agent and every process that it started: with SIGINT, so that it can save its session, after 5 s with SIGTERM, and
 * after another 5 s with SIGKILL. The receipt names the last signal.
 */

import type { ProcessFamily } from './family.ts';
import type { ProcessEntry } from './process-table.ts';

export type StopSignal = 'none' | 'SIGINT' | 'SIGTERM' | 'SIGKILL';

export interface StopReceipt {
  /** The number of processes that were ended. */
  processes: number;
  /** The number of processes that could not be ended. */
  left: number;
  /** The last signal that was needed, or `none` if no process was running. */
  signal: StopSignal;
  tookMs: number;
  /** A turn in an agent server was interrupted; no process was ended. */
  isTurn?: boolean;
  /** The turn belongs to another client of the agent server, so it continues. */
  isForeign?: boolean;
}

export interface StopGraces {
  interruptMs: number;
  terminateMs: number;
}

/** 5 s each. An agent that handles SIGINT saves its session in less than a second. */
export const STOP_GRACES: StopGraces = { interruptMs: 5000, terminateMs: 5000 };

/**
 * A process that cannot be killed in this time (in uninterruptible sleep) is left running, and the receipt counts it in
 * `left`.
 */
const KILL_WAIT_MS = 5000;
const LOOK_EVERY_MS = 40;

/**
 * Sends SIGINT, SIGTERM and SIGKILL until no process is left. A call for an ended agent is harmless. The pauses count from
 * the beginning, so that a slow process list does not delay the signals.
 */
export async function stopFamily(
  family: ProcessFamily,
  graces: StopGraces = STOP_GRACES,
): Promise<StopReceipt> {
  const startedAt = performance.now();
  const terminateAt = startedAt + graces.interruptMs;
  const killAt = terminateAt + graces.terminateMs;
  const steps: [Exclude<StopSignal, 'none'>, number][] = [
    ['SIGINT', terminateAt],
    ['SIGTERM', killAt],
    ['SIGKILL', killAt + KILL_WAIT_MS],
  ];
  const met = new Set<number>();
  let needed: StopSignal = 'none';
  let left = 0;
  for (const [signal, until] of steps) {
    left = meet(await family.signal(signal), met);
    if (left === 0) break;
    needed = signal;
    left = await waitUntilGone(family, until, met);
    if (left === 0) break;
  }
  return {
    processes: met.size - left,
    left,
    signal: needed,
    tookMs: Math.round(performance.now() - startedAt),
  };
}

async function waitUntilGone(family: ProcessFamily, until: number, met: Set<number>): Promise<number> {
  for (;;) {
    const left = meet(await family.findLiving(), met);
    const restMs = until - performance.now();
    if (left === 0 || restMs <= 0) return left;
    await new Promise((wake) => setTimeout(wake, Math.min(LOOK_EVERY_MS, restMs)));
  }
}

function meet(living: readonly ProcessEntry[], met: Set<number>): number {
  for (const entry of living) met.add(entry.pid);
  return living.length;
}
