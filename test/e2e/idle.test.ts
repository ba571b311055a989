/**
 * A real minute in which nothing happens, on the real runtime and without a hand on its memory. It takes that minute: the
 * runtime unloads an object that hibernates after some ten seconds, and only time shows that nothing keeps it from that.
 */

import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Channel } from '../../cli/runner/channel/channel.ts';
import { openSseChannel } from '../../cli/runner/channel/sse-channel.ts';
import { openWsChannel } from '../../cli/runner/channel/ws-channel.ts';
import { KEEP_ALIVE_MS } from '../../spec/transport/events.ts';
import { Machine } from '../bench/client.ts';
import type { Bill } from '../bench/price.ts';
import { type BenchService, startBenchService } from '../bench/service.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { newestServer } from '../support/known-server.ts';

const OPEN = { sse: openSseChannel, ws: openWsChannel };
const KEEP_ALIVES_A_MINUTE = 60_000 / KEEP_ALIVE_MS;

let service: BenchService;

beforeAll(async () => {
  service = await startBenchService({ entry: 'test/workers/bench/counting-worker.ts' });
});

afterAll(() => service.close());

/** What was billed since the last time this was asked. */
async function takeBill(): Promise<Bill & { trips: number; objectsMade: number }> {
  return (await (await fetch(`${service.url}/bench/bill`)).json()) as Bill & {
    trips: number;
    objectsMade: number;
  };
}

class Waiting {
  readonly machine = new Machine(service.account, `mac-${crypto.randomUUID()}`);
  readonly heard: string[] = [];
  readonly #transport: keyof typeof OPEN;
  readonly #events = new EventTarget();
  #channel: Channel | undefined;

  constructor(transport: keyof typeof OPEN) {
    this.#transport = transport;
  }

  async listen(): Promise<void> {
    await this.machine.register();
    const { baseUrl, token } = service.account;
    const { machineId } = this.machine;
    const ready = this.hears('ready');
    this.#channel = OPEN[this.#transport](
      {
        baseUrl,
        headers: { authorization: `Bearer ${token}` },
        machineId,
        instance: machineId,
        waitSeconds: 30,
        server: newestServer(),
      },
      {
        onEvent: ({ event }) => {
          this.heard.push(event);
          this.#events.dispatchEvent(new Event(event));
        },
      },
    );
    void this.#channel.ended.then(() => this.heard.push('end'));
    await ready;
  }

  close(): void {
    this.#channel?.close();
  }

  hears(event: string): Promise<unknown> {
    return once(this.#events, event);
  }
}

/** How many machines are recorded as listening, which is the last that the opening of a channel does. */
async function countListening(): Promise<number> {
  const { results } = await service.database
    .prepare('SELECT id FROM machines WHERE listening_transport IS NOT NULL')
    .all();
  return results.length;
}

/** Follows a job that nobody runs; settles with its keep-alive comments, each as it comes. So a watcher is there, and a clock. */
async function follow(jobId: string): Promise<AsyncIterator<void>> {
  const { body } = await fetch(`${service.url}/api/cli/runner/jobs/${jobId}/events?waitSeconds=900`, {
    headers: { authorization: `Bearer ${service.account.token}` },
  });
  if (body === null) throw new Error('the follower got no stream');
  return keepAlivesOf(body.pipeThrough(new TextDecoderStream()));
}

async function* keepAlivesOf(texts: ReadableStream<string>): AsyncGenerator<void> {
  for await (const text of texts) if (text.includes(': keep-alive')) yield;
}

describe('a minute in which nothing happens', () => {
  it('costs no request, no query and no row, and ends with a new object that still has its channels', async () => {
    const watched = new Machine(service.account, `mac-${crypto.randomUUID()}`);
    await watched.register();
    const keepAlives = await follow(await watched.enqueue());
    const waiting = [new Waiting('sse'), new Waiting('ws')];
    try {
      for (const one of waiting) await one.listen();
      await until(async () => (await countListening()) === waiting.length);
      await takeBill();
      for (let count = 0; count < KEEP_ALIVES_A_MINUTE; count += 1) await keepAlives.next();
      const { objectActiveMs: _, ...bill } = await takeBill();

      expect(bill).toEqual({
        requests: 0,
        trips: 0,
        sequentialTrips: 0,
        rowsRead: 0,
        rowsWritten: 0,
        objectRowsRead: 0,
        objectRowsWritten: 0,
        objectRequests: 0,
        objectsMade: 0,
      });
      for (const one of waiting) {
        const wake = one.hears('job.available');
        await one.machine.enqueue();
        await wake;
        expect(one.heard).toEqual(['ready', 'job.available']);
      }
      expect((await takeBill()).objectsMade).toBe(2);
    } finally {
      for (const one of waiting) one.close();
      await keepAlives.return?.();
    }
  });
});
