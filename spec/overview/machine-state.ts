/** What a machine is doing, in one word, from what the server knows of it. */

import type { MachinePresence } from '../job/waiting.ts';
import { OFFLINE_AFTER_MS } from '../job/waiting.ts';

export const MACHINE_STATES = [
  /** It is connected, or was heard of in the last ten minutes. */
  'online',
  /** A person drained it: it claims nothing, online or not. */
  'draining',
  /** Not heard of for ten minutes, as a laptop that sleeps. */
  'asleep',
  /** Not heard of for a day. */
  'silent',
] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

/** An unheard machine is asleep for this long, then silent. */
export const ASLEEP_MS = 24 * 60 * 60_000;

type Facts = Pick<MachinePresence, 'listening' | 'lastSeenAt' | 'draining'>;

export function machineState({ listening, lastSeenAt, draining }: Facts, now: number): MachineState {
  if (draining) return 'draining';
  const unheardMs = now - lastSeenAt;
  if (listening || unheardMs < OFFLINE_AFTER_MS) return 'online';
  return unheardMs < ASLEEP_MS ? 'asleep' : 'silent';
}
