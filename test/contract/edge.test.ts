/** The double of the edge refuses what Cloudflare's edge refuses, and lets everything else through as it comes. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { EDGE_LIMITS, type Edge, startEdge } from '../support/edge.ts';

let server: Server;
let edge: Edge;
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = createServer({ maxHeaderSize: 2 * EDGE_LIMITS.headerBytes }, async (request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: ready\n\n');
      return;
    }
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).byteLength;
    response.writeHead(201, { 'x-seen': request.headers['x-sent'] ?? 'nothing' });
    response.end(String(bytes));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (said) => socket.send(`heard ${said}`)));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  edge = await startEdge(target, 0, { ...EDGE_LIMITS, bodyBytes: 1000 });
});

afterEach(async () => {
  await edge.close();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const pathOf = (bytes: number) => `/${'x'.repeat(bytes - 1)}`;

it('passes on method, headers, body, status and answer', async () => {
  const response = await fetch(`${edge.url}/path?a=1`, {
    method: 'POST',
    headers: { 'x-sent': 'this' },
    body: 'x'.repeat(1000),
  });
  expect([response.status, response.headers.get('x-seen'), await response.text()]).toEqual([
    201,
    'this',
    '1000',
  ]);
  expect(asked).toEqual(['/path?a=1']);
});

it('refuses a URL of more than 16 KB with a page of its own, and the server never sees it', async () => {
  expect((await fetch(edge.url + pathOf(EDGE_LIMITS.urlBytes))).status).toBe(201);
  const response = await fetch(edge.url + pathOf(EDGE_LIMITS.urlBytes + 1));
  expect([response.status, response.headers.get('content-type')]).toEqual([414, 'text/html']);
  expect(asked).toHaveLength(1);
  expect(edge.refusals).toEqual([expect.stringMatching(/^414 GET \/xxx/)]);
});

it('refuses headers of more than 128 KB in all', async () => {
  const response = await fetch(edge.url, { headers: { 'x-sent': 'x'.repeat(EDGE_LIMITS.headerBytes) } });
  expect(response.status).toBe(431);
  expect(asked).toEqual([]);
});

it('refuses a body that is too large', async () => {
  const response = await fetch(edge.url, { method: 'POST', body: 'x'.repeat(1001) });
  expect(response.status).toBe(413);
});

it('forwards a stream while it lasts, and ends it with its reader', async () => {
  const response = await fetch(`${edge.url}/stream`);
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  expect(new TextDecoder().decode(value)).toBe('event: ready\n\n');
  await reader?.cancel();
});

it('passes a WebSocket on in both directions', async () => {
  const socket = new WebSocket(edge.url.replace('http', 'ws'));
  const said = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
  await new Promise((open) => socket.addEventListener('open', open));
  socket.send('hello');
  expect(await said).toBe('heard hello');
  socket.close();
});

it('is as deaf as a server that is not there', async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await expect(fetch(edge.url)).rejects.toThrow('fetch failed');
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
