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
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../base/system-error.ts';
import { stateFolder } from '../../files/paths.ts';
import { isInside, reachOfOthers } from '../../files/private-folder.ts';

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

/** A folder name for any id: an id that is not plainly safe is replaced by its digest. */
export function folderName(id: string): string {
  if (SAFE_NAME.test(id)) return id;
  return `x${createHash('sha256').update(id, 'utf8').digest('hex').slice(0, 40)}`;
}

/**
 * Why a spool on the disk is not trusted: its content is sent to the server and decides which processes are ended, so
 * it must belong to this user and lie inside the folder. A pipe would block the runner for ever, and a hard link is
 * also another file of this user. Returns the reason, as a part of a sentence; undefined when there is none, or when
 * the folder has just been removed.
 */
export function dangerOfSpool(folder: string): string | undefined {
  try {
    const place = realpathSync(folder);
    for (const path of [place, ...readdirSync(place).map((name) => join(place, name))]) {
      const danger = dangerOf(path, place);
      if (danger !== undefined) return `${path} ${danger}`;
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  return undefined;
}

function dangerOf(path: string, place: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && !leadsInside(path, place)) {
    return 'leads to another place';
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    if (!found.isFile()) return 'is no ordinary file';
    if (found.nlink > 1) return 'is also a file in another place';
  }
  const reach = found && reachOfOthers(found, { uid: process.getuid?.(), platform: process.platform });
  if (reach === 'owner') return 'belongs to another user';
  return reach === 'mode' ? 'can be written by other users' : undefined;
}

function leadsInside(link: string, place: string): boolean {
  try {
    return isInside(place, realpathSync(link));
  } catch {
    // The target does not exist. A write through the link would make a file there.
    return false;
  }
}
