/**
 * The private file an agent writes its answer to. It lives alone in a fresh folder that only this user may enter, under a
 * name that nobody can guess: nobody can plant an answer, or read one. The folder belongs to the spool of the lease, so the
 * answer is there until the service has acknowledged the result, and leaves with everything else.
 */

import { constants } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';

const FOLDER_PREFIX = 'answer-';
const FILE_NAME = 'last-message.txt';

/** An answer that is read at all; what is sent is cut at 1 MiB, the rest stays on this machine. */
const MAX_ANSWER_BYTES = 16 * MAX_RESULT_BYTES;

/** Makes the folder (0700) inside `parent` and returns the path for the file in it. */
export async function makeAnswerPath(parent: string): Promise<string> {
  return join(await mkdtemp(join(parent, FOLDER_PREFIX)), FILE_NAME);
}

/** Not through a link, and not for ever: opening a pipe waits for somebody who writes into it. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What the agent wrote; undefined when it wrote nothing, or made something else than a file of it. */
export async function readAnswer(path: string): Promise<string | undefined> {
  const file = await open(path, OPEN_FLAGS).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile()) return undefined;
    const { size } = found;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_ANSWER_BYTES)));
    const answer = buffer.toString('utf8', 0, bytesRead);
    return answer.trim() === '' ? undefined : answer;
  } finally {
    await file.close();
  }
}
