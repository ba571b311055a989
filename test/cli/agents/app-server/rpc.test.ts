import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ServerNotification, ServerRequest } from '../../../../cli/agents/app-server/frames.ts';
import { UNREADABLE } from '../../../../cli/agents/app-server/frames.ts';
import {
  type Connection,
  connect,
  MAX_CALLS,
  MAX_FRAME_BYTES,
  OVERLOADED,
} from '../../../../cli/agents/app-server/rpc.ts';
import { makeTemporaryFolder } from '../../../../scripts/local/temporary-folder.ts';
import { type Received, type SocketServer, startSocketServer } from './socket-server.ts';

const THREAD = { threadId: 't-1' };
const ended: (() => void)[] = [];

afterEach(() => {
  for (const end of ended.splice(0)) end();
});

interface Opened {
  server: SocketServer;
  connection: Connection;
  ignored: string[];
}

async function open(
  onMessage?: (message: Received, reply: (frame: unknown) => void) => void,
): Promise<Opened> {
  const server = await startSocketServer(onMessage);
  const ignored: string[] = [];
  const outcome = await connect(server.path, { timeoutMs: 5000, onIgnored: (why) => ignored.push(why) });
  if (outcome.kind !== 'ok') throw new Error(`not connected: ${outcome.kind}`);
  const { connection } = outcome;
  ended.push(() => {
    connection.close();
    server.close();
  });
  return { server, connection, ignored };
}

describe('connecting', () => {
  it('reports why nothing listens on the path', async () => {
    const outcome = await connect('/nowhere/codex.sock', { timeoutMs: 5000 });
    expect(outcome).toEqual({ kind: 'closed', reason: expect.stringContaining('ENOENT') });
  });

  it('gives up on a server that takes the connection and never answers', async () => {
    const folder = makeTemporaryFolder('orp-mute-');
    const mutePath = join(folder, 'mute.sock');
    const mute: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(mutePath, resolve));
    ended.push(() => {
      mute.close();
      rmSync(folder, { recursive: true, force: true });
    });
    expect(await connect(mutePath, { timeoutMs: 100 })).toEqual({ kind: 'timeout' });
  });
});

describe('a call', () => {
  it('returns the result that has its id, in any order of the answers', async () => {
    const asked: number[] = [];
    const { connection } = await open(({ id }, reply) => {
      asked.push(Number(id));
      if (asked.length < 2) return;
      for (const other of asked.toReversed()) reply({ id: other, result: { turnId: `for ${other}` } });
    });
    const params = { ...THREAD, expectedTurnId: 'a', input: [] };
    const outcomes = await Promise.all([
      connection.call('turn/steer', params),
      connection.call('turn/steer', params),
    ]);
    expect(outcomes).toEqual(asked.map((id) => ({ kind: 'ok', result: { turnId: `for ${id}` } })));
  });

  it('returns the error of the server', async () => {
    const { connection } = await open(({ id }, reply) =>
      reply({ id, error: { code: -32600, message: 'thread not found' } }),
    );
    expect(await connection.call('thread/read', THREAD)).toEqual({
      kind: 'error',
      code: -32600,
      message: 'thread not found',
    });
  });

  it.each([{}, { result: 7 }, { result: [] }, { error: 'no' }, { error: null, result: null }])(
    'returns an error when the answer is %j',
    async (answer) => {
      const { connection } = await open(({ id }, reply) => reply({ id, ...answer }));
      expect(await connection.call('thread/read', THREAD)).toMatchObject({ kind: 'error', code: UNREADABLE });
    },
  );

  it('ends after its time limit, and its late answer is ignored', async () => {
    const { connection, server, ignored } = await open();
    expect(await connection.call('thread/read', THREAD, { timeoutMs: 30 })).toEqual({ kind: 'timeout' });
    server.send({ id: server.received[0]?.id, result: {} });
    await vi.waitFor(() => expect(ignored).toEqual(['No call waits for this answer.']));
  });

  it('is repeated with a new id while the server is overloaded', async () => {
    let refusals = 2;
    const { connection, server } = await open(({ id }, reply) =>
      reply(refusals-- > 0 ? { id, error: { code: OVERLOADED, message: 'overloaded' } } : { id, result: {} }),
    );
    const params = { ...THREAD, turnId: 'a' };
    expect(await connection.call('turn/interrupt', params)).toEqual({ kind: 'ok', result: {} });
    expect(server.received.map(({ method }) => method)).toEqual(Array(3).fill('turn/interrupt'));
    expect(new Set(server.received.map(({ id }) => id)).size).toBe(3);
  });

  it('is not repeated without end', async () => {
    const { connection, server } = await open(({ id }, reply) =>
      reply({ id, error: { code: OVERLOADED, message: 'overloaded' } }),
    );
    expect(await connection.call('thread/read', THREAD)).toMatchObject({ kind: 'error', code: OVERLOADED });
    expect(server.received.length).toBe(5);
  });

  it('ends when the connection breaks, and later calls end at once', async () => {
    const { connection, server } = await open();
    const call = connection.call('thread/read', THREAD);
    await vi.waitFor(() => expect(server.received.length).toBe(1));
    server.cut();
    expect(await call).toEqual({ kind: 'closed' });
    expect(await connection.closed).toContain('1006');
    expect(await connection.call('thread/read', THREAD)).toEqual({ kind: 'closed' });
  });

  it('is refused when too many others wait', async () => {
    const { connection, server } = await open();
    const waiting = Array.from({ length: MAX_CALLS }, () => connection.call('thread/read', THREAD));
    expect(await connection.call('thread/read', THREAD)).toMatchObject({ kind: 'error', code: OVERLOADED });
    server.cut();
    expect(new Set((await Promise.all(waiting)).map(({ kind }) => kind))).toEqual(new Set(['closed']));
    expect(server.received.length).toBeLessThanOrEqual(MAX_CALLS);
  });
});

describe('what the server sends', () => {
  it('reaches the listeners of notifications, until they are removed', async () => {
    const { connection, server } = await open();
    const heard: ServerNotification[] = [];
    const remove = connection.onNotification((notification) => heard.push(notification));
    const diff = { method: 'turn/diff/updated', params: { threadId: 't', turnId: 'u', diff: '+1' } };
    server.send(diff);
    await vi.waitFor(() => expect(heard).toEqual([diff]));
    remove();
    server.send(diff);
    connection.notify('initialized');
    await vi.waitFor(() => expect(server.received).toEqual([{ method: 'initialized' }]));
    expect(heard.length).toBe(1);
  });

  it('is a request that is answered later, with its own id', async () => {
    const { connection, server } = await open();
    const asked: ServerRequest[] = [];
    connection.onRequest((request) => asked.push(request));
    server.send({ id: 'r-9', method: 'item/fileChange/requestApproval', params: { threadId: 't' } });
    await vi.waitFor(() => expect(asked.length).toBe(1));
    const [request] = asked;
    if (request?.method !== 'item/fileChange/requestApproval') throw new Error('another request');
    expect(connection.answer(request, { decision: 'decline' })).toBe(true);
    await vi.waitFor(() => expect(server.received).toEqual([{ id: 'r-9', result: { decision: 'decline' } }]));
  });

  it('stays unanswered when the request is unknown', async () => {
    const { connection, server, ignored } = await open();
    const asked = vi.fn();
    connection.onRequest(asked);
    server.send({ id: 4, method: 'item/tool/call', params: {} });
    await vi.waitFor(() => expect(ignored).toEqual(['The request is unknown.']));
    expect(asked).not.toHaveBeenCalled();
    expect(server.received).toEqual([]);
  });

  it.each([
    'not JSON',
    '',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"id":77,"result":{}}',
    '{"id":null,"result":{}}',
    '{"id":{},"method":"item/fileChange/requestApproval","params":{}}',
    '{"method":7,"params":{}}',
    '{"method":"constructor","params":{}}',
    '{"method":"turn/started","params":"no"}',
    '{"method":"turn/started"}',
    '{"__proto__":{"method":"turn/started"},"id":1}',
    new Uint8Array([0xff, 0xfe, 0]),
  ])('may be hostile: %j is ignored and the connection still works', async (frame) => {
    const { connection, server, ignored } = await open(({ id }, reply) =>
      reply({ id, result: { data: [] } }),
    );
    const heard = vi.fn();
    connection.onNotification(heard);
    connection.onRequest(heard);
    server.send(frame);
    await vi.waitFor(() => expect(ignored.length).toBe(1));
    expect(heard).not.toHaveBeenCalled();
    expect(await connection.call('thread/loaded/list', {})).toEqual({ kind: 'ok', result: { data: [] } });
  });

  it('cannot end the process through a listener that fails', async () => {
    const { connection, server, ignored } = await open();
    connection.onNotification((notification) => {
      if (notification.method === 'turn/started') void notification.params.turn.id.length;
    });
    server.send({ method: 'turn/started', params: {} });
    await vi.waitFor(() => expect(ignored).toEqual([expect.stringContaining('A listener failed')]));
  });

  it('ends the connection when a frame is larger than the bound', async () => {
    const { connection, server } = await open();
    server.send('x'.repeat(MAX_FRAME_BYTES + 1));
    expect(await connection.closed).toMatch(/payload size/i);
  });
});
