/**
 * Ctrl-C and closed output streams. By default, either ends the process. A command that needs an orderly shutdown takes over.
 */

import { EXIT_INTERRUPTED } from './exit.ts';

/** Exits normally instead of letting the signal end the process, so that exit handlers release locks and delete temporary files. */
function exitOnInterrupt(): void {
  process.exit(EXIT_INTERRUPTED);
}

/** A closed pipe (`orp … | head`) or terminal is not an error. */
function exitQuietly(): void {
  process.exit(0);
}

let onReaderGone = exitQuietly;

/** Sets the default: an interrupt or a closed output ends the process. */
export function endOnInterrupt(): void {
  process.on('SIGINT', exitOnInterrupt);
  onReaderGone = exitQuietly;
}

/**
 * Removes the defaults, so that the caller handles the signals. Returns a function that restores them.
 * @param withoutReader called whenever output is lost because its reader has closed
 */
export function takeOverInterrupts(withoutReader: () => void): () => void {
  process.off('SIGINT', exitOnInterrupt);
  onReaderGone = withoutReader;
  return endOnInterrupt;
}

/** Error handler for the streams of this process. */
export function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  onReaderGone();
}
