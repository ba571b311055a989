/**
 * The rules for returning a job. A holder may return a job that it cannot run now if the prompt has certainly had no effect.
 * The job returns to its place in the queue, and the attempt does not count.
 */

/** The reasons for which a holder may return a job. The server stores the reason with the attempt. */
export const RELEASE_REASONS = [
  /** The person at the machine did not answer whether the job may run. */
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
  /** Another program has the agent session open, and the agent allows only one. */
  'session_in_use',
] as const;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

/** The longest pause that a holder may request: 31 days. */
export const MAX_RETRY_AFTER_MS = 31 * 24 * 60 * 60_000;

/** The maximum number of characters in the message of a release or a condition. */
export const REASON_LENGTH = 300;

/**
 * A returned job may be claimed again at once. After this many returns in a row, each further return causes a pause of a
 * minute, so that a runner cannot claim and return the same job in a fast loop.
 */
export const FREE_RELEASES = 5;
export const RELEASE_PAUSE_MS = 60_000;

/** If another program has the session open, the first retries come soon. If it stays open overnight, retries are rare. */
const SESSION_PAUSE = { firstMs: 15_000, limitMs: 5 * 60_000 };

/**
 * Returns how long a returned job may not be claimed, in ms, or undefined if there is no pause.
 *
 * @param earlier how often the job was returned before
 */
export function releasePauseMs(reason: ReleaseReason, earlier: number): number | undefined {
  if (reason === 'session_in_use') {
    return Math.min(SESSION_PAUSE.limitMs, SESSION_PAUSE.firstMs * 2 ** Math.min(earlier, 20));
  }
  return earlier >= FREE_RELEASES ? RELEASE_PAUSE_MS : undefined;
}

const SENTENCES: Record<ReleaseReason, string> = {
  question_unanswered: 'The person at the machine left the question unanswered.',
  shutting_down: 'The runner was stopped before the agent began.',
  usage_limited: "The agent's account has reached its usage limit.",
  signed_out: 'The agent is signed out.',
  overloaded: 'The model behind the agent is overloaded.',
  agent_unavailable: 'The agent cannot be started on this machine.',
  session_in_use: 'The session is busy: its owner is working in it on its machine.',
};

/**
 * Returns the sentence about the returned attempt, for people.
 *
 * @param message a sentence of the runner, if there is one
 * @param machine the name of the session's machine, if known
 */
export function releaseSentence(
  reason: ReleaseReason,
  message: string | undefined,
  machine?: string,
): string {
  const sentence =
    machine === undefined ? SENTENCES[reason] : SENTENCES[reason].replace('its machine', () => machine);
  const words = message?.trim();
  return words ? `${sentence} ${words}` : sentence;
}

/** Returns whether a sentence of `releaseSentence` says that somebody works in the session. */
export function saysInUse(sentence: string): boolean {
  return sentence.startsWith('The session is busy:');
}
