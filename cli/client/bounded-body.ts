/** Bodies are read up to a bound: whoever answers must not fill the memory of this machine. */

/** No answer of the server is larger; more than this is not an answer of it. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Of what comes instead of a stream only the beginning is read: a refusal is one sentence. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Characters that one event of a stream may have; the longest is a piece of output, in which every byte may be escaped. */
export const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/** Reads an answer as text. Throws when it is larger than any answer of the server. */
export async function readAnswerText(response: Response): Promise<string> {
  const { text, isWhole } = await readUpTo(response, MAX_ANSWER_BYTES);
  if (!isWhole) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  return text;
}

/** Reads the beginning of what came instead of a stream, and lets go of the rest. */
export async function readRefusalText(response: Response): Promise<string> {
  return (await readUpTo(response, MAX_REFUSAL_BYTES)).text;
}

async function readUpTo(response: Response, limit: number): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  // Leaving the loop cancels the body.
  for await (const bytes of response.body ?? []) {
    size += bytes.byteLength;
    if (size > limit) return { text, isWhole: false };
    text += decoder.decode(bytes, { stream: true });
  }
  return { text: text + decoder.decode(), isWhole: true };
}
