/**
 * Signs of life of a runner that waits without being listening. An open channel is a sign of life of its own, a job at
 * work beats by itself, and every look begins with a beat: only a long poll interval, or a channel that cannot be opened,
 * leaves a machine silent. After ten minutes of silence the service takes it for offline.
 */

/** The service writes down a sign of life every five minutes: two beats are at most eight minutes apart in its book. */
export const QUIET_LIMIT_MS = 4 * 60_000;
const LOOK_EVERY_MS = 30_000;

export interface IdleBeatOptions {
  /** Whether a channel stands, over which the service can wake this machine. */
  isListening(): boolean;
  /** Beats when nothing has beaten for this long. */
  beatIfQuiet(quietMs: number): Promise<void>;
}

/** Starts; returns what ends it. */
export function startIdleBeats({ isListening, beatIfQuiet }: IdleBeatOptions): () => void {
  const timer = setInterval(() => {
    // A beat that fails is noticed by the next look.
    if (!isListening()) beatIfQuiet(QUIET_LIMIT_MS).catch(() => undefined);
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
