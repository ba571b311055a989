/**
 * The condition of a machine: why its runner claims nothing now, though it is there. A failure of the account, the sign-in or
 * the installation is no failure of a job, so the runner pauses and the queue waits.
 */

import type { ReleaseReason } from './release.ts';
import { releaseSentence } from './release.ts';

export const CONDITION_CODES = [
  'usage_limited',
  'signed_out',
  'overloaded',
  'agent_unavailable',
] as const satisfies readonly ReleaseReason[];
export type ConditionCode = (typeof CONDITION_CODES)[number];

export interface MachineCondition {
  code: ConditionCode;
  /** One line in the runner's own words; may be empty. */
  message: string;
  /** When the runner claims again, epoch ms; absent: it tries by itself. */
  until?: number | undefined;
  /** Since when the machine says so, epoch ms. */
  since: number;
}

/** Whether the machine claims nothing at `now`. Past `until` it is about to claim again, and says so in its next heartbeat. */
export function isPaused(condition: MachineCondition | undefined, now: number): boolean {
  return condition !== undefined && (condition.until === undefined || condition.until > now);
}

/** Whether two conditions say the same, whenever they began. */
export function isSameCondition(
  one: Omit<MachineCondition, 'since'> | undefined,
  other: Omit<MachineCondition, 'since'> | undefined,
): boolean {
  return one?.code === other?.code && one?.message === other?.message && one?.until === other?.until;
}

/** The reason as one sentence: the runner's words, else those of the code. */
export function conditionSentence({ code, message }: Pick<MachineCondition, 'code' | 'message'>): string {
  const words = message.trim() || releaseSentence(code, undefined);
  return /[.!?…]$/.test(words) ? words : `${words}.`;
}
