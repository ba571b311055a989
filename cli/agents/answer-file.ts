/**
 * The private file an agent writes its answer to. It lives alone in a fresh folder that only this user may enter, under a
 * name that nobody can guess: nobody can plant an answer, or read one. The folder belongs to the spool of the lease, so the
 * answer is there until the service has acknowledged the result, and leaves with everything else.
 */

import { constants } from 'node:fs';
import { chmod, mkdtemp, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';
import { isInside } from '../files/private-folder.ts';

const FOLDER_PREFIX = 'answer-';
const FILE_NAME = 'last-message.txt';

/** An answer that is read at all; what is sent is cut at 1 MiB, the rest stays on this machine. */
const MAX_ANSWER_BYTES = 16 * MAX_RESULT_BYTES;

/** Makes the folder (0700) inside `parent` and returns the path for the file in it. */
export async function makeAnswerPath(parent: string): Promise<string> {
  const folder = await mkdtemp(join(parent, FOLDER_PREFIX));
  // A umask may have taken rights of the owner.
  await chmod(folder, 0o700);
  return join(folder, FILE_NAME);
}

/**
 * What the agent of an earlier run wrote. The path was read from a file, so it only counts when it leads to a place inside
 * `parent`, the folder in which {@link makeAnswerPath} was asked to put the answer.
 */
export async function readLeftAnswer(parent: string, path: string): Promise<string | undefined> {
  const [place, answer] = await Promise.all([realpath(parent), realpath(path).catch(() => undefined)]);
  return answer !== undefined && isInside(place, answer) ? readAnswer(answer) : undefined;
}

/** Not through a link, and not for ever: opening a pipe waits for somebody who writes into it. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What the agent wrote; undefined when it wrote nothing, or made something else than a file of it. */
export async function readAnswer(path: string): Promise<string | undefined> {
  const file = await open(path, OPEN_FLAGS).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    // A second name for a file that lies elsewhere is as good as a link to it.
    if (!found.isFile() || found.nlink !== 1) return undefined;
    const { size } = found;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_ANSWER_BYTES)));
    const answer = buffer.toString('utf8', 0, bytesRead);
    return answer.trim() === '' ? undefined : answer;
  } finally {
    await file.close();
  }
}
