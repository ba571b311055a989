/**
 * The condition of a machine says why its runner claims nothing now, although it runs. A problem with the account, the
 * sign-in or the installation is not a failure of a job, so the runner pauses and the jobs stay in the queue.
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

/** For each condition of the policy, the sentence if the runner sends none. */
const OWNER_SENTENCES = {
  /** The owner's policy has quiet hours now. */
  quiet_hours: 'The policy of its owner has quiet hours.',
  /** The policy file cannot be used, so the runner claims nothing until it is fixed. */
  policy_invalid: 'Its policy file is invalid, so no job may run.',
} as const;
export type OwnerCondition = keyof typeof OWNER_SENTENCES;

export const MACHINE_CONDITIONS = [
  ...CONDITION_CODES,
  ...(Object.keys(OWNER_SENTENCES) as OwnerCondition[]),
] as const;
export type MachineConditionCode = ConditionCode | OwnerCondition;

/** Returns whether the owner's policy caused the condition. Servers know these conditions since `policy-report`. */
export function isOwnerCondition(code: MachineConditionCode): code is OwnerCondition {
  return code in OWNER_SENTENCES;
}

export interface MachineCondition {
  code: MachineConditionCode;
  /** A sentence of the runner. It may be empty. */
  message: string;
  /** When the runner claims again, in epoch ms. If absent, it claims again as soon as the agent works. */
  until?: number | undefined;
  /** When the condition began, in epoch ms. */
  since: number;
}

/**
 * Returns whether the machine claims nothing at `now`. After `until` it is about to claim again, and its next heartbeat
 * reports that.
 */
export function isPaused(condition: MachineCondition | undefined, now: number): boolean {
  return condition !== undefined && (condition.until === undefined || condition.until > now);
}

/** Returns whether two conditions are equal apart from when they began. */
export function isSameCondition(
  one: Omit<MachineCondition, 'since'> | undefined,
  other: Omit<MachineCondition, 'since'> | undefined,
): boolean {
  return one?.code === other?.code && one?.message === other?.message && one?.until === other?.until;
}

/** The reason as one sentence: the runner's sentence, or else the sentence of the code. */
export function conditionSentence({ code, message }: Pick<MachineCondition, 'code' | 'message'>): string {
  const words =
    message.trim() || (isOwnerCondition(code) ? OWNER_SENTENCES[code] : releaseSentence(code, undefined));
  return /[.!?…]$/.test(words) ? words : `${words}.`;
}
