/**
 * Where the spool lives:
 *
 *   $XDG_STATE_HOME/orp/spool/<machine>/<lease>/      one folder per lease, 0700
 *     journal.jsonl   what the runner was about to do, and did
 *     chunks.jsonl    the transcript, numbered
 *     result.json     the result, once there is one
 *   $XDG_STATE_HOME/orp/spool/agent-work-<machine>/   the same of `orp agent work`, whose answers take other routes
 *   $XDG_STATE_HOME/orp/kept/<lease>/                 what the service refused to take
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stateFolder } from '../../files/paths.ts';

/** Names that are the same file on every file system, and never a path. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** The spool of one machine. */
export function spoolFolder(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'spool', folderName(machineId));
}

/** Where undeliverable work stays until a person has looked at it. */
export function keptFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'kept');
}

/** A folder name for an id, whoever made the id: one that is not plainly safe is replaced by its digest. */
export function folderName(id: string): string {
  if (SAFE_NAME.test(id)) return id;
  return `x${createHash('sha256').update(id, 'utf8').digest('hex').slice(0, 40)}`;
}
