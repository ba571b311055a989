/** Whoever answers cannot fill the memory of this machine. */

import { expect, it } from 'vitest';
import { MAX_ANSWER_BYTES, readAnswerText, readRefusalText } from '../../../cli/client/bounded-body.ts';

const MIB = 1024 * 1024;

/** A body without an end, and how much of it was read. */
function endless(): { response: Response; read: { bytes: number; isCancelled: boolean } } {
  const piece = new Uint8Array(MIB).fill(120);
  const read = { bytes: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        read.bytes += piece.byteLength;
        controller.enqueue(piece);
      },
      cancel() {
        read.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { response: new Response(body, { status: 403 }), read };
}

it('a refusal without an end is read at its beginning only', async () => {
  const { response, read } = endless();
  expect((await readRefusalText(response)).length).toBeLessThanOrEqual(MIB);
  expect(read.bytes).toBeLessThanOrEqual(2 * MIB);
  expect(read.isCancelled).toBe(true);
});

it('an answer without an end is given up at the bound of answers', async () => {
  const { response, read } = endless();
  await expect(readAnswerText(response)).rejects.toThrow('larger than');
  expect(read.bytes).toBeLessThanOrEqual(MAX_ANSWER_BYTES + 2 * MIB);
  expect(read.isCancelled).toBe(true);
});

it('a short body is read whole', async () => {
  expect(await readRefusalText(new Response('{"error":"Nö."}'))).toBe('{"error":"Nö."}');
  expect(await readAnswerText(new Response('{"ok":true}'))).toBe('{"ok":true}');
});
