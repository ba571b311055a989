/**
 * One account at its limits asks for the most expensive things in loops, and another one works: `npm run bench -- neighbors`, smaller.
 * How long the other one takes is the business of the benchmark.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { listJobs } from '../../spec/contract/jobs.ts';
import { Machine, send } from '../bench/client.ts';
import { fillAccount, makeNoise } from '../bench/noise.ts';
import { type BenchService, startBenchService } from '../bench/service.ts';

let service: BenchService;

beforeAll(async () => {
  service = await startBenchService();
});
afterAll(async () => {
  await service.close();
});

it('beside a full account that does its worst, another one enqueues, claims, delivers and reads', async () => {
  const { account, userId } = await service.addAccount();
  const worst = await fillAccount({ account, userId, database: service.database }, { share: 0.02 });
  const machine = new Machine(service.account, 'mac-quiet');
  await machine.register();
  const stop = new AbortController();
  const noise = Promise.all(worst.map((loop) => makeNoise(loop, { lanes: 2, signal: stop.signal })));
  for (let done = 0; done < 10; done += 1) {
    await machine.enqueue();
    const claim = await machine.claim();
    if (claim === undefined) throw new Error('the queue gave nothing');
    await machine.start(claim);
    await machine.complete(claim);
  }
  const { jobs } = await send(service.account, listJobs, { query: { limit: '25' } });
  stop.abort();
  // Every answer was a success, a fence or a bound: `makeNoise` throws for anything else.
  const counts = Object.values(Object.assign({}, ...(await noise)) as Record<string, { taken: number }>);
  expect(jobs.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'completed'));
  expect(counts.some(({ taken }) => taken > 0)).toBe(true);
});
