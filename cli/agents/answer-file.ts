/**
 * The private file an agent writes its answer to. It lives alone in a fresh folder that only this user may enter, under a
 * name that nobody can guess and that no id of the service is part of: nobody can plant an answer, or read one.
 */

import { constants } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';

const FOLDER_PREFIX = 'orp-answer-';
const FILE_NAME = 'last-message.txt';

/** An answer that is read at all; what is sent is cut at 1 MiB, the rest stays on this machine. */
const MAX_ANSWER_BYTES = 16 * MAX_RESULT_BYTES;

/** Makes the folder (0700) and returns the path for the file in it. */
export async function makeAnswerPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), FOLDER_PREFIX)), FILE_NAME);
}

/** What the agent wrote; undefined when it wrote nothing. */
export async function readAnswer(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, MAX_ANSWER_BYTES)));
    const answer = buffer.toString('utf8', 0, bytesRead);
    return answer.trim() === '' ? undefined : answer;
  } finally {
    await file.close();
  }
}

/** Removes the file and its folder. A path that this file did not make is left alone. */
export async function removeAnswer(path: string): Promise<void> {
  const folder = dirname(path);
  if (basename(path) !== FILE_NAME || !basename(folder).startsWith(FOLDER_PREFIX)) return;
  await rm(folder, { recursive: true, force: true });
}
