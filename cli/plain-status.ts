/**
 * `orp runner status` and nothing else on the command line, as scripts and status bars ask it again and again: without
 * the library that reads command lines, a quarter of the start.
 */

import { status } from './commands/runner-status.ts';
import { makeContext, type Streams } from './output/context.ts';

/** Runs it; the exit code is always 0. */
export async function plainStatus(surroundings: Streams, json: boolean): Promise<number> {
  await status(makeContext(surroundings, { json }));
  return 0;
}
