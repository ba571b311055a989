/** A body that is too large is read to its end before the answer: a client that is cut off does not read why. */

import { describe, expect, it } from 'vitest';
import { readBody } from '../../../workers/http/parse.ts';

const CHUNK = new Uint8Array(64 * 1024);

function upload({ chunks, declared }: { chunks: number; declared: boolean }) {
  const seen = { sent: 0, isCut: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (seen.sent === chunks) return controller.close();
      seen.sent += 1;
      controller.enqueue(CHUNK);
    },
    cancel() {
      seen.isCut = true;
    },
  });
  const headers: HeadersInit = declared ? { 'content-length': String(chunks * CHUNK.byteLength) } : {};
  return { request: { headers: new Headers(headers), body } as unknown as Request, seen };
}

describe('a body that is too large', () => {
  it.each([true, false])('is read to its end, with its length declared: %s', async (declared) => {
    const { request, seen } = upload({ chunks: 16, declared });
    expect(await readBody(request, 100)).toBeUndefined();
    expect(seen).toEqual({ sent: 16, isCut: false });
  });

  it.each([true, false])('is cut off after 4 MiB, with its length declared: %s', async (declared) => {
    const { request, seen } = upload({ chunks: 1000, declared });
    expect(await readBody(request, 100)).toBeUndefined();
    expect(seen.isCut).toBe(true);
    expect(seen.sent).toBeLessThan(70);
  });
});
