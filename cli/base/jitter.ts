/** Pauses between tries. */

/**
 * Full jitter: anywhere between nothing and a limit that doubles with each try.
 * @param backoff `attempt` counts from 1
 * @param random in [0, 1)
 */
export function fullJitter(
  backoff: { attempt: number; firstMs: number; limitMs: number },
  random: number,
): number {
  const limit = Math.min(backoff.limitMs, backoff.firstMs * 2 ** Math.max(0, backoff.attempt - 1));
  return Math.round(limit * random);
}
