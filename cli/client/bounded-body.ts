/** Reads bodies up to a limit, so that no server or proxy can fill the memory of this machine. */

import type { HttpAnswer } from './http.ts';

/** The server never sends larger answers. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Limit for an answer that is not a stream: a refusal is one sentence. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Maximum characters of one stream event. The longest is an output chunk with every byte escaped. */
export const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/** Reads an answer as text. Throws if it exceeds the limit. */
export async function readAnswerText(answer: Pick<HttpAnswer, 'body'>): Promise<string> {
  const { text, isWhole } = await readUpTo(answer, MAX_ANSWER_BYTES);
  if (!isWhole) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  return text;
}

/** Reads the start of an answer that is not a stream, and discards the rest. */
export async function readRefusalText(answer: Pick<HttpAnswer, 'body'>): Promise<string> {
  return (await readUpTo(answer, MAX_REFUSAL_BYTES)).text;
}

async function readUpTo(
  { body }: Pick<HttpAnswer, 'body'>,
  limit: number,
): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  // Breaking out of the loop cancels the body.
  for await (const bytes of body) {
    size += bytes.byteLength;
    if (size > limit) return { text, isWhole: false };
    text += decoder.decode(bytes, { stream: true });
  }
  return { text: text + decoder.decode(), isWhole: true };
}
