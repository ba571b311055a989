/**
 * The private file for the agent's answer. It is in a new folder that only this user can enter and whose name is random, so that
 * other users can neither plant nor read an answer. The folder is part of the lease's spool, which is removed when the server
 * has acknowledged the result.
 */

import { constants } from 'node:fs';
import { chmod, mkdtemp, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';
import { isInside } from '../files/private-folder.ts';

const FOLDER_PREFIX = 'answer-';
const FILE_NAME = 'last-message.txt';

/** Maximum size to read. Results are cut at 1 MiB; the rest stays on this machine. */
const MAX_ANSWER_BYTES = 16 * MAX_RESULT_BYTES;

/** Makes the folder (0700) inside `parent` and returns the path for the file in it. */
export async function makeAnswerPath(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, FOLDER_PREFIX));
  // The umask may have removed the owner's rights.
  await chmod(folder, 0o700);
  return join(folder, FILE_NAME);
}

/**
 * Reads the answer of an agent from an earlier run. The path comes from a file, so it is accepted only if it is inside
 * `parent`, the folder that {@link makeAnswerPath} used.
 */
export async function readLeftAnswer(parent: string, path: string): Promise<string | undefined> {
  const [place, answer] = await Promise.all([realpath(parent), realpath(path).catch(() => undefined)]);
  return answer !== undefined && isInside(place, answer) ? readAnswer(answer) : undefined;
}

/** Does not follow symlinks, and does not block on a pipe without a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Reads the answer. Returns undefined if it is empty or not a regular file. */
export async function readAnswer(path: string): Promise<string | undefined> {
  const file = await open(path, OPEN_FLAGS).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    // Reject hard links, which could point to a file elsewhere.
    if (!found.isFile() || found.nlink !== 1) return undefined;
    const { size } = found;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_ANSWER_BYTES)));
    const answer = buffer.toString('utf8', 0, bytesRead);
    return answer.trim() === '' ? undefined : answer;
  } finally {
    await file.close();
  }
}
