/** Ctrl-C. By default it ends the process with 130; a command that ends in an orderly way takes over. */

import { EXIT_INTERRUPTED } from './exit.ts';

/** Exiting, rather than dying of the signal, releases locks and temporary files. */
function exitOnInterrupt(): void {
  process.exit(EXIT_INTERRUPTED);
}

/** The default: an interrupt ends the process. */
export function endOnInterrupt(): void {
  process.on('SIGINT', exitOnInterrupt);
}

/** Takes the default away; the caller listens to the signals itself. Returns a function that restores it. */
export function takeOverInterrupts(): () => void {
  process.off('SIGINT', exitOnInterrupt);
  return endOnInterrupt;
}
