/** Between a stream and its socket: when either side goes, the other is let go. */

import { describe, expect, it } from 'vitest';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { bridge } from '../../../workers/http/sse-bridge.ts';

/** As much as one upload of a runner may bring to the followers of its job. */
const UPLOAD = 'x'.repeat(256 * 1024);

/** A bridge whose other end is the test; it passes on what it is sent. */
function aBridge(waitMs = 60_000) {
  const pair = new WebSocketPair();
  const object = pair[1];
  object.accept();
  const closed = new Promise<number>((resolve) =>
    object.addEventListener('close', ({ code }) => {
      object.close(code);
      resolve(code);
    }),
  );
  const response = bridge({
    socket: pair[0],
    waitMs,
    translate: (message) => ({ frames: `${message}\n\n`, end: message === 'last' }),
    farewell: (reason) => `farewell ${reason}\n\n`,
  });
  return { object, closed, response };
}

describe('a bridge', () => {
  it('lets the socket go when its reader has left', async () => {
    const { closed, response } = aBridge();
    await response.body?.cancel();
    expect(await closed).toBe(CLOSE_CODES.gone);
  });

  it('lets the socket go when its reader has stopped reading', async () => {
    const { object, closed, response } = aBridge();
    for (let count = 0; count < 17; count += 1) object.send(UPLOAD);
    expect(await closed).toBe(CLOSE_CODES.gone);
    await expect(response.text()).rejects.toThrow('the client stopped reading');
  });

  it('keeps a slow reader, however many small frames it has not read, and one large frame', async () => {
    const { object, response } = aBridge();
    for (let count = 0; count < 1000; count += 1) object.send('news');
    object.send('x'.repeat(5 * 1024 * 1024));
    object.close(1011, 'deployed');
    expect(await response.text()).toMatch(/x\n\n(farewell reconnect\n\n)?$/);
  });

  it('says farewell when the object goes away, so that the reader connects again', async () => {
    const { object, response } = aBridge();
    object.send('news');
    object.close(1011, 'deployed');
    expect(await response.text()).toMatch(/news\n\nfarewell reconnect\n\n$/);
  });

  it('ends after its last event, and can be opened again', async () => {
    const { object, closed, response } = aBridge();
    object.send('last');
    expect(await response.text()).toMatch(/last\n\n$/);
    expect(await closed).toBe(CLOSE_CODES.timeout);
  });
});
