import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ListenerOptions } from '../../../../cli/runner/channel/listener.ts';
import { Listener } from '../../../../cli/runner/channel/listener.ts';
import { CLOSE_CODES } from '../../../../spec/transport/events.ts';
import { newestServer } from '../../../support/known-server.ts';
import type { PushServer } from './push-server.ts';
import { startPushServer } from './push-server.ts';

let server: PushServer;
let listener: Listener | undefined;
const never = new AbortController().signal;

beforeEach(async () => {
  server = await startPushServer();
});

afterEach(async () => {
  listener?.close();
  await server.close();
});

function listen({
  onTold,
  ...overrides
}: Partial<ListenerOptions> & { onTold?: (message: string) => void } = {}): {
  changes: { transport: string; up: boolean }[];
  changed(wanted: { transport: string; up: boolean }): Promise<void>;
} {
  const changes: { transport: string; up: boolean }[] = [];
  const waiting: { wanted: { transport: string; up: boolean }; resolve: () => void }[] = [];
  listener = new Listener({
    target: {
      baseUrl: server.baseUrl,
      headers: {},
      machineId: 'mac-a',
      instance: 'one',
      waitSeconds: 30,
      server: newestServer(),
    },
    choice: 'auto',
    pollIntervalMs: 3_600_000,
    onControl: () => undefined,
    onEnd: () => undefined,
    random: () => 0,
    ...overrides,
    onChange: ({ transport, up, message }) => {
      onTold?.(message);
      changes.push({ transport, up });
      for (const one of waiting)
        if (one.wanted.transport === transport && one.wanted.up === up) one.resolve();
    },
  });
  return {
    changes,
    changed: (wanted) => new Promise((resolve) => waiting.push({ wanted, resolve })),
  };
}

describe('the listener', () => {
  it('requests a first poll at once, and another when the server announces work', async () => {
    const open = server.nextOpen();
    const { changed } = listen();
    const up = changed({ transport: 'ws', up: true });
    expect(await listener?.nextPoll(never)).toBe('start');
    expect(await open).toBe('ws');
    await up;
    const next = listener?.nextPoll(never);
    server.tell({ event: 'job.available', data: { jobAvailable: true } });
    expect(await next).toBe('event');
  });

  it('keeps an announcement that arrives while no one waits for it', async () => {
    const { changed } = listen({ choice: 'sse' });
    await changed({ transport: 'sse', up: true });
    expect(await listener?.nextPoll(never)).toBe('start');
    const control = Promise.withResolvers<void>();
    listener?.close();
    listen({ choice: 'sse', onControl: () => control.resolve() });
    expect(await listener?.nextPoll(never)).toBe('start');
    await server.nextOpen();
    server.tell({ event: 'job.available', data: {} });
    server.tell({ event: 'drain', data: {} });
    await control.promise;
    expect(await listener?.nextPoll(never)).toBe('event');
  });

  it('steps down to SSE and then to polling when a better transport is refused', async () => {
    server.refuse.ws = 426;
    const first = listen();
    await first.changed({ transport: 'sse', up: true });
    expect(server.openChannels()).toEqual({ ws: 0, sse: 1 });
    listener?.close();

    server.refuse.sse = 404;
    const second = listen();
    await second.changed({ transport: 'poll', up: true });
    expect(await listener?.nextPoll(never)).toBe('start');
  });

  it('polls again after a broken connection has been restored', async () => {
    const { changed } = listen({ choice: 'ws' });
    await changed({ transport: 'ws', up: true });
    expect(await listener?.nextPoll(never)).toBe('start');
    const repaired = changed({ transport: 'ws', up: true });
    server.cut();
    await repaired;
    expect(await listener?.nextPoll(never)).toBe('reconnected');
  });

  it('passes on cancels and lost leases', async () => {
    const heard = Promise.withResolvers<unknown>();
    const { changed } = listen({ onControl: (event) => heard.resolve(event) });
    await changed({ transport: 'ws', up: true });
    server.tell({ event: 'job.cancelled', data: { jobId: 'job_1', leaseId: 'lea_1' } });
    expect(await heard.promise).toMatchObject({ event: 'job.cancelled', data: { leaseId: 'lea_1' } });
  });

  it.each(['sse', 'ws', 'auto'] as const)(
    'says so over %s when the token is refused, and does not step down for it',
    async (choice) => {
      Object.assign(server.refuse, { ws: 401, sse: 401, machine: 401 });
      const refused = Promise.withResolvers<string>();
      listen({ choice, onEnd: (end) => refused.resolve(end.kind) });
      expect(await refused.promise).toBe('unauthorized');
      expect(server.asked.sse).toBe(choice === 'sse' ? 1 : 0);
    },
  );

  it.each([403, 404])(
    'tells what the service says to a WebSocket that it refuses with %i',
    async (status) => {
      Object.assign(server.refuse, { ws: status, machine: status });
      const told = Promise.withResolvers<string>();
      listen({ choice: 'ws', onTold: (message) => told.resolve(message) });
      expect(await told.promise).toContain(`Refused with ${status}`);
    },
  );

  it('keeps trying a WebSocket that only a proxy refuses', async () => {
    server.refuse.ws = 403;
    const told = Promise.withResolvers<string>();
    const { changed } = listen({ choice: 'ws', onTold: (message) => told.resolve(message) });
    expect(await told.promise).toBe('the socket could not be opened');
    server.refuse.ws = undefined;
    await changed({ transport: 'ws', up: true });
  });

  it.each(['ws', 'sse'] as const)(
    'says over %s that another instance took over, without waiting for the close',
    async (choice) => {
      const replaced = Promise.withResolvers<unknown>();
      const { changed } = listen({ choice, onEnd: (end) => replaced.resolve(end) });
      await changed({ transport: choice, up: true });
      const error = 'Another runner of this machine connected.';
      server.tell({ event: 'error', data: { code: 'replaced', error } });
      expect(await replaced.promise).toEqual({ kind: 'replaced', message: error });
    },
  );

  it.each(['ws', 'sse'] as const)(
    'comes back over %s when its own late connection replaced the one that stands',
    async (choice) => {
      const { changed } = listen({ choice });
      await changed({ transport: choice, up: true });
      const repaired = changed({ transport: choice, up: true });
      server.tell({ event: 'error', data: { code: 'replaced', instance: 'one', error: 'Replaced.' } });
      await repaired;
      expect(server.asked[choice]).toBe(2);
    },
  );

  it('recognizes from the close code whether its own late connection or another runner replaced it', async () => {
    const replaced = Promise.withResolvers<string>();
    const { changed } = listen({ choice: 'ws', onEnd: (end) => replaced.resolve(end.kind) });
    await changed({ transport: 'ws', up: true });
    const repaired = changed({ transport: 'ws', up: true });
    server.hangUp(CLOSE_CODES.replaced, 'replaced one');
    await repaired;
    server.hangUp(CLOSE_CODES.replaced, 'replaced another');
    expect(await replaced.promise).toBe('replaced');
  });

  it('ends every wait when it is closed or the caller aborts', async () => {
    listen();
    expect(await listener?.nextPoll(never)).toBe('start');
    const given = new AbortController();
    const waiting = listener?.nextPoll(given.signal);
    given.abort();
    expect(await waiting).toBeUndefined();
    const closing = listener?.nextPoll(never);
    listener?.close();
    expect(await closing).toBeUndefined();
  });
});
