/** Bodies that are too large or never end: their client reads the reason, and nobody else waits for them. */

import { describe, expect, it } from 'vitest';
import { getMe } from '../../../spec/contract/auth.ts';
import { addIdea } from '../../../spec/contract/ideas.ts';
import { readBody } from '../../../workers/http/parse.ts';
import { accepts, expectRefusal, sendRaw } from '../harness/call.ts';
import { aPerson } from '../harness/people.ts';

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

/** A body of which only the beginning comes, until the test ends it. */
function unfinished() {
  let end = (): void => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"title":"An idea'));
      end = () => {
        controller.enqueue(new TextEncoder().encode('"}'));
        controller.close();
      };
    },
  });
  return { body, end: () => end() };
}

describe('a body that does not end', () => {
  const path = addIdea.path;

  it('is not waited for when nobody is signed in', async () => {
    const { body } = unfinished();
    expectRefusal(await sendRaw({ method: 'POST', path, body }), 'unauthenticated');
  });

  it('holds up nobody else, however many there are, and is accepted when it ends', async () => {
    const [slow, neighbor] = [await aPerson(), await aPerson()];
    const bodies = Array.from({ length: 40 }, unfinished);
    let answered = 0;
    const answers = bodies.map(({ body }) =>
      sendRaw({ method: 'POST', path, as: slow, body }).finally(() => {
        answered += 1;
      }),
    );
    await accepts(getMe, { as: neighbor });
    await accepts(addIdea, { as: neighbor, body: { title: 'An idea of a neighbor' } });
    expect(answered).toBe(0);
    for (const { end } of bodies) end();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([addIdea.status]));
  });
});
