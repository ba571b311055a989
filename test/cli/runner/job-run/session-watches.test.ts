/** A session that is in use is watched once for each job that waits for it. */

import { expect, it } from 'vitest';
import { SessionWatches } from '../../../../cli/runner/job-run/session-watches.ts';

/** Waits for the session until it is free, or the watch ends. */
function session() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const isFree = (signal: AbortSignal) =>
    Promise.race([
      promise.then(() => true),
      new Promise<boolean>((settle) => signal.addEventListener('abort', () => settle(false))),
    ]);
  return { isFree, close: resolve };
}

it('a job that is returned again has one watch, which tells once that the session is free', async () => {
  const watches = new SessionWatches();
  const told: number[] = [];
  const { isFree, close } = session();
  const all = [1, 2, 3].map((lease) => watches.watch('job_1', isFree, async () => void told.push(lease)));
  close();
  await Promise.all(all);
  expect(told).toEqual([3]);
});

it('a job that came back by itself is not watched any more', async () => {
  const watches = new SessionWatches();
  const told: string[] = [];
  const { isFree, close } = session();
  const first = watches.watch('job_1', isFree, async () => void told.push('job_1'));
  const other = watches.watch('job_2', isFree, async () => void told.push('job_2'));
  watches.end('job_1');
  await first;
  close();
  await other;
  expect(told).toEqual(['job_2']);
});

it('a watch or a call that fails harms nobody', async () => {
  const watches = new SessionWatches();
  const fail = () => Promise.reject(new Error('no'));
  await watches.watch('job_1', fail, fail);
  await watches.watch('job_1', async () => true, fail);
});
