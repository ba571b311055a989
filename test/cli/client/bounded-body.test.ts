/** Whoever answers cannot fill the memory of this machine. */

import { expect, it } from 'vitest';
import { MAX_ANSWER_BYTES, readAnswerText, readRefusalText } from '../../../cli/client/bounded-body.ts';

const MIB = 1024 * 1024;

/** A body without an end, and how much of it was read. */
function endless(): { body: AsyncIterable<Uint8Array>; read: { bytes: number; isCancelled: boolean } } {
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
  return { body, read };
}

/** A body that arrives byte by byte. */
function inPieces(text: string) {
  const bytes = new TextEncoder().encode(text);
  return {
    body: (async function* () {
      for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
    })(),
  };
}

it('a refusal without an end is read at its beginning only', async () => {
  const { body, read } = endless();
  expect((await readRefusalText({ body })).length).toBeLessThanOrEqual(MIB);
  expect(read.bytes).toBeLessThanOrEqual(2 * MIB);
  expect(read.isCancelled).toBe(true);
});

it('an answer without an end is given up at the bound of answers', async () => {
  const { body, read } = endless();
  await expect(readAnswerText({ body })).rejects.toThrow('larger than');
  expect(read.bytes).toBeLessThanOrEqual(MAX_ANSWER_BYTES + 2 * MIB);
  expect(read.isCancelled).toBe(true);
});

it('a short body is read whole', async () => {
  expect(await readRefusalText(inPieces('{"error":"Nö."}'))).toBe('{"error":"Nö."}');
  expect(await readAnswerText(inPieces('{"ok":true}'))).toBe('{"ok":true}');
});
