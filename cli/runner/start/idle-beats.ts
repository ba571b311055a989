/**
 * Signs of life of a runner that waits and is not listening. An open channel is a sign of life, a job at work sends its own
 * heartbeats, and every poll begins with one: only a long poll interval, or a channel that cannot be opened, leaves a machine
 * silent. After ten minutes of silence the server shows it as offline.
 */

/** The server records a sign of life every five minutes, so it has two of them at most eight minutes apart. */
export const QUIET_LIMIT_MS = 4 * 60_000;
const CHECK_EVERY_MS = 30_000;

export interface IdleBeatOptions {
  /** Whether the server can wake this machine over an open channel. */
  isListening(): boolean;
  /** Beats when nothing has beaten for this long. */
  beatIfQuiet(quietMs: number): Promise<void>;
}

/** Starts; returns what ends it. */
export function startIdleBeats({ isListening, beatIfQuiet }: IdleBeatOptions): () => void {
  const timer = setInterval(() => {
    // The next poll reports what made a beat fail.
    if (!isListening()) beatIfQuiet(QUIET_LIMIT_MS).catch(() => undefined);
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
