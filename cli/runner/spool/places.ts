/**
 * The paths of the spool:
 *
 *   $XDG_STATE_HOME/orp/spool/<machine>/<lease>/      one folder per lease, 0700
 *     journal.jsonl   the steps of the runner, each recorded before it happens
 *     chunks.jsonl    the transcript, numbered
 *     result.json     the result, after the end of the job
 *   $XDG_STATE_HOME/orp/spool/agent-work-<machine>/   the spool of `orp agent work`, whose answers use other routes
 *   $XDG_STATE_HOME/orp/kept/<lease>/                 results that the server refused
 */

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../base/system-error.ts';
import { stateFolder } from '../../files/paths.ts';
import { isInside, reachOfOthers } from '../../files/private-folder.ts';

/** Names that are safe on every file system and are never a path. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** The spool of one machine. */
export function spoolFolder(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'spool', folderName(machineId));
}

/** The folder for undeliverable results, until a person has checked them. */
export function keptFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'kept');
}

/** The folder name for an id. An unsafe id is replaced by its digest. */
export function folderName(id: string): string {
  if (SAFE_NAME.test(id)) return id;
  return `x${createHash('sha256').update(id, 'utf8').digest('hex').slice(0, 40)}`;
}

/**
 * Checks whether a spool is safe to read. The runner sends its contents to the server and ends the processes that it names,
 * so all files must belong to this user and be inside the folder. A pipe would block the runner forever, and a hard link may
 * be another file of this user. Returns the reason as part of a sentence. Returns undefined if the spool is safe, or if it
 * has just been removed.
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
    // The target of the link does not exist. A write through the link would create it.
    return false;
  }
}
