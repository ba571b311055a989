/** Describes in one word what the server knows about the state of a machine. */

import type { MachinePresence } from '../job/waiting.ts';
import { OFFLINE_AFTER_MS } from '../job/waiting.ts';

export const MACHINE_STATES = [
  /** The machine is connected, or it contacted the server in the last ten minutes. */
  'online',
  /** A person drained the machine. It claims no jobs, whether it is online or not. */
  'draining',
  /** The machine has not contacted the server for ten minutes, for example because a laptop sleeps. */
  'asleep',
  /** The machine has not contacted the server for a day. */
  'silent',
] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

/** A machine that does not contact the server is shown as asleep for this long, then as silent. */
export const ASLEEP_MS = 24 * 60 * 60_000;

type Facts = Pick<MachinePresence, 'listening' | 'lastSeenAt' | 'draining'>;

export function machineState({ listening, lastSeenAt, draining }: Facts, now: number): MachineState {
  if (draining) return 'draining';
  const unheardMs = now - lastSeenAt;
  if (listening || unheardMs < OFFLINE_AFTER_MS) return 'online';
  return unheardMs < ASLEEP_MS ? 'asleep' : 'silent';
}
