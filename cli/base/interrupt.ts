/**
 * What ends a command from outside: Ctrl-C, and nobody being left to read what it prints. By default either ends the
 * process; a command that ends in an orderly way takes over.
 */

import { EXIT_INTERRUPTED } from './exit.ts';

/** Exiting, rather than dying of the signal, releases locks and temporary files. */
function exitOnInterrupt(): void {
  process.exit(EXIT_INTERRUPTED);
}

/** A reader that has seen enough (`orp … | head`) is no error; nor is a terminal that was closed. */
function exitQuietly(): void {
  process.exit(0);
}

let onReaderGone = exitQuietly;

/** The default: an interrupt ends the process, and so does the end of its reader. */
export function endOnInterrupt(): void {
  process.on('SIGINT', exitOnInterrupt);
  onReaderGone = exitQuietly;
}

/**
 * Takes the defaults away; the caller listens to the signals itself. Returns a function that restores them.
 * @param withoutReader told each time something could not be printed because nobody reads it any more
 */
export function takeOverInterrupts(withoutReader: () => void): () => void {
  process.off('SIGINT', exitOnInterrupt);
  onReaderGone = withoutReader;
  return endOnInterrupt;
}

/** For the streams of this process. */
export function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  onReaderGone();
}
