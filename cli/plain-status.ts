/**
 * `orp runner status` without options, which scripts and status bars call often. Skipping the command-line library saves a
 * quarter of the start.
 */

import { status } from './commands/runner-status.ts';
import { makeContext, type Streams } from './output/context.ts';

/** Runs `orp runner status`. The exit code is always 0. */
export async function plainStatus(surroundings: Streams, json: boolean): Promise<number> {
  await status(makeContext(surroundings, { json }));
  return 0;
}
