/**
 * What the owner's policy on a machine says about prompts for a session, as the machine last reported it. Only the outcome and
 * the name of the rule leave the machine. The contents of the policy stay there.
 */

export const VERDICT_OUTCOMES = [
  'allow',
  /** The runner asks a person at the machine before the job starts. */
  'ask',
  /** The runner claims the job, and refuses it at once. */
  'deny',
] as const;
export type VerdictOutcome = (typeof VERDICT_OUTCOMES)[number];

export interface PolicyVerdict {
  outcome: VerdictOutcome;
  /** The rule that decides. Absent if every rule allows the prompt. A newer runner may name other rules. */
  rule?: string | undefined;
}

/** For each rule, what it forbids. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  policy_file: 'its policy file is invalid, so no job may run',
  job_kinds: 'its policy allows no prompts',
  accounts: 'its policy allows no jobs of this account',
  repositories: 'its policy allows no agent to work in this repository',
  sessions: 'its policy allows no jobs in this session',
};

/**
 * Returns the verdict as a sentence for people, or undefined if the machine has not reported one.
 *
 * @param machine the name of the machine
 */
export function verdictSentence(verdict: PolicyVerdict | undefined, machine: string): string | undefined {
  if (verdict === undefined) return undefined;
  const { outcome, rule } = verdict;
  const named = rule === undefined ? '' : ` (rule ${rule})`;
  switch (outcome) {
    case 'allow':
      return `The policy of ${machine} allows prompts in this session.`;
    case 'ask':
      return `A person at ${machine} is asked before each job starts${named}. Without a terminal, the runner refuses the job.`;
    case 'deny':
      return `${machine} will refuse it, because ${FORBIDDEN[rule ?? ''] ?? 'its policy does not allow it'}${named}.`;
  }
}

/** Returns the verdict as one word. */
export const VERDICT_WORDS: Readonly<Record<VerdictOutcome, string>> = {
  allow: 'allowed',
  ask: 'asks first',
  deny: 'refused',
};
