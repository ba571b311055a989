/** One request over Node's `http`: what comes back, what is refused, and how it ends. */

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { readAnswerText } from '../../../cli/client/bounded-body.ts';
import { request } from '../../../cli/client/http.ts';

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  if (server !== undefined) await new Promise((closed) => server?.close(closed));
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/place`;
}

it('sends the method, the headers and the body, and returns the status, the headers and the body', async () => {
  const url = await serve(async (asked, answer) => {
    let text = '';
    for await (const piece of asked) text += piece;
    answer.writeHead(409, { 'x-orp-one': 'a', 'Set-Cookie': ['b', 'c'] });
    answer.end(JSON.stringify([asked.method, asked.headers.authorization, text]));
  });
  const answer = await request(url, { method: 'PUT', headers: { Authorization: 'Bearer d' }, body: 'é' });
  expect(answer.status).toBe(409);
  expect(['X-Orp-One', 'set-cookie', 'x-none'].map((name) => answer.headers.get(name))).toEqual([
    'a',
    'b, c',
    null,
  ]);
  expect(JSON.parse(await readAnswerText(answer))).toEqual(['PUT', 'Bearer d', 'é']);
});

it('follows no redirect', async () => {
  let count = 0;
  const url = await serve((_, answer) => {
    count += 1;
    answer.writeHead(307, { location: '/elsewhere' }).end();
  });
  const answer = await request(url, { headers: {} });
  expect([answer.status, await readAnswerText(answer), count]).toEqual([307, '', 1]);
});

it('unzips, and fails when the compressed bytes are not whole', async () => {
  const bytes = gzipSync('{"ok":true}'.repeat(1000));
  const url = await serve((asked, answer) => {
    answer.writeHead(200, { 'content-encoding': 'gzip' });
    answer.end(asked.headers['x-cut'] === undefined ? bytes : bytes.subarray(0, 40));
  });
  expect(await readAnswerText(await request(url, { headers: {} }))).toHaveLength(11_000);
  const cut = await request(url, { headers: { 'x-cut': '1' } });
  await expect(readAnswerText(cut)).rejects.toThrow(/unexpected end of file/i);
});

it.each(['before the answer', 'in the middle of the answer'])(
  'throws the reason of a signal %s',
  async (when) => {
    const url = await serve((_, answer) => {
      if (when !== 'before the answer') answer.write('{');
    });
    const reading = request(url, { headers: {}, signal: AbortSignal.timeout(100) }).then(readAnswerText);
    await expect(reading).rejects.toMatchObject({ name: 'TimeoutError' });
  },
);

it('throws when the connection breaks in the middle of the answer, or when there is no server', async () => {
  const url = await serve((_, answer) => {
    answer.writeHead(200, { 'content-length': '10' });
    answer.write('{', () => answer.destroy());
  });
  await expect(request(url, { headers: {} }).then(readAnswerText)).rejects.toThrow();
  server?.close();
  server?.closeAllConnections();
  await expect(request(url, { headers: {} })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('closes the connection when the rest is not read', async () => {
  const closed = Promise.withResolvers<void>();
  const url = await serve((_, answer) => {
    answer.on('close', closed.resolve);
    answer.write('some');
  });
  const answer = await request(url, { headers: {} });
  for await (const _ of answer.body) break;
  await closed.promise;
});

it('throws for a header that cannot be sent', async () => {
  await expect(request('http://127.0.0.1:9/', { headers: { 'x-orp-a': 'b\nc' } })).rejects.toThrow(/header/);
});
