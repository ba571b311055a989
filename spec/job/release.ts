/**
 * Giving a job back: its holder cannot run it now, and proves that the prompt has had no effect. The job returns to its
 * place in the queue, and the attempt does not count.
 */

/** Why a holder gives a job back. A closed set; it is kept with the attempt. */
export const RELEASE_REASONS = [
  /** The person at the machine left the question whether the job may run. */
  'question_unanswered',
  /** The runner is stopping, and the agent has not begun. */
  'shutting_down',
  /** The agent's account has used up its limit. */
  'usage_limited',
  /** The agent is signed out. */
  'signed_out',
  /** The model behind the agent is overloaded. */
  'overloaded',
  /** The agent cannot be started on this machine. */
  'agent_unavailable',
  /** Somebody else is at work in the agent session. */
  'session_in_use',
] as const;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

/** Characters of a release's message, and of a condition's. */
export const REASON_LENGTH = 300;

/**
 * A job that was given back may be claimed again at once. After this many times in a row each further one costs a pause of a
 * minute, so that a runner which takes and returns the same job cannot spin.
 */
export const FREE_RELEASES = 5;
export const RELEASE_PAUSE_MS = 60_000;

const SENTENCES: Record<ReleaseReason, string> = {
  question_unanswered: 'The person at the machine left the question unanswered.',
  shutting_down: 'The runner was stopped before the agent began.',
  usage_limited: "The agent's account has reached its usage limit.",
  signed_out: 'The agent is signed out.',
  overloaded: 'The model behind the agent is overloaded.',
  agent_unavailable: 'The agent cannot be started on this machine.',
  session_in_use: 'Another program is at work in the agent session.',
};

/** What people read about the attempt; `message`: the runner's own words, if it has any. */
export function releaseSentence(reason: ReleaseReason, message: string | undefined): string {
  const words = message?.trim();
  return words ? `${SENTENCES[reason]} ${words}` : SENTENCES[reason];
}
