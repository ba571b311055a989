/**
 * Sends heartbeats while the runner is idle and has no channel. Normally this is not needed: an open channel shows that the
 * machine is online, a running job sends heartbeats, and every poll is a sign of life, too. But with a long poll interval,
 * or if no channel can be opened, the machine would be silent, and after ten minutes the server would show it as offline.
 */

/** The server records at most one heartbeat in five minutes, so its records are at most eight minutes apart. */
export const QUIET_LIMIT_MS = 4 * 60_000;
const CHECK_EVERY_MS = 30_000;

export interface IdleBeatOptions {
  /** Returns whether the server can wake this machine over an open channel. */
  isListening(): boolean;
  /** Sends a heartbeat if the last one is older than this. */
  beatIfQuiet(quietMs: number): Promise<void>;
  /** Sends the changes of links and sessions that a command could not send. */
  catchUp?(): Promise<void>;
}

/** Starts the heartbeats. Returns a function that stops them. */
export function startIdleBeats({ isListening, beatIfQuiet, catchUp }: IdleBeatOptions): () => void {
  const sendChanges = () => catchUp?.().catch(() => undefined);
  void sendChanges();
  const timer = setInterval(() => {
    void sendChanges();
    // The next poll reports the reason if a heartbeat fails.
    if (!isListening()) beatIfQuiet(QUIET_LIMIT_MS).catch(() => undefined);
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
