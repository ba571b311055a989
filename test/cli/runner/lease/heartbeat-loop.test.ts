import { afterEach, beforeEach, expect, it } from 'vitest';
import type {
  HeartbeatReply,
  HostedApi,
  LeaseVerdict,
  Reply,
} from '../../../../cli/runner/job/hosted-api.ts';
import { HeartbeatLoop } from '../../../../cli/runner/lease/heartbeat-loop.ts';

type Answer = (action: LeaseVerdict['action']) => void;

/** The beats that were sent and not yet answered, in order. */
let asked: Answer[];
let stopped: LeaseVerdict[];
let loop: HeartbeatLoop;

beforeEach(() => {
  asked = [];
  stopped = [];
  const heartbeat = () =>
    new Promise<Reply<HeartbeatReply>>((settle) => {
      asked.push((action) => settle({ kind: 'ok', value: { body: {}, verdict: { action }, drain: false } }));
    });
  loop = new HeartbeatLoop({
    service: { heartbeat } as Partial<HostedApi> as HostedApi,
    held: { jobId: 'job_1', leaseId: 'lea_1' },
    intervalMs: 3_600_000,
    isDraining: () => false,
    onBeat: () => undefined,
    onStop: (verdict) => stopped.push(verdict),
  });
});

afterEach(async () => {
  for (const answer of asked) answer('continue');
  await loop.stop();
});

it('asks again if a cancel is reported during an older request, and does not wait for that request', async () => {
  const older = loop.beatNow();
  const newer = loop.beatNow();
  expect(asked).toHaveLength(2);
  asked[1]?.('stop');
  expect(await newer).toEqual({ action: 'stop' });
  expect(stopped).toEqual([{ action: 'stop' }]);
  asked[0]?.('continue');
  expect(await older).toEqual({ action: 'continue' });
});

it('sends nothing after it was stopped, and waits for the current request', async () => {
  const beat = loop.beatNow();
  let isOver = false;
  const end = loop.stop().then(() => {
    isOver = true;
  });
  expect(await loop.beatNow()).toBeUndefined();
  expect([asked.length, isOver]).toEqual([1, false]);
  asked[0]?.('continue');
  await Promise.all([beat, end]);
});
