/** The live view of one job: resumable, without duplicates or holes, to its end. */

import type { EventSourceMessage } from 'eventsource-parser';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { WAITING_STREAM_MS } from '../../../workers/jobs/follow-frames.ts';
import { accepts, expectRefusal } from '../harness/call.ts';
import { advance, currentTime, MINUTE } from '../harness/clock.ts';
import type { Held } from '../harness/machines.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  beat,
  claim,
  claimAndStart,
  complete,
  log,
  start,
} from '../harness/machines.ts';
import { evict, fireCron } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';
import { closeChannels, get, Stream } from '../harness/streams.ts';

afterEach(async () => {
  await closeChannels();
  vi.unstubAllGlobals();
});

async function follow(
  as: Person,
  jobId: string,
  { lastEventId, query = 'waitSeconds=60' }: { lastEventId?: string | undefined; query?: string } = {},
) {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  const response = await get(`/api/cli/runner/jobs/${jobId}/events?${query}`, as, headers);
  return new Stream(response);
}

async function aRunningJob(): Promise<Held> {
  const machine = await aMachine();
  await aPrompt(machine);
  return claimAndStart(machine);
}

/** A job whose machine has yet to say that it works on it, for the first time or again. */
async function aJobThatWaits(status: string): Promise<Held> {
  if (status === 'lost') {
    const held = await aRunningJob();
    advance(2 * LEASE_MS);
    await fireCron();
    return held;
  }
  const machine = await aMachine();
  const jobId = await aPrompt(machine);
  return status === 'queued' ? { machine, jobId, leaseId: '' } : claim(machine);
}

/** A timer of this length rings at once, still from the request that holds the stream. */
function hurry(hurriedMs: number): void {
  const start = globalThis.setTimeout;
  vi.stubGlobal('setTimeout', (ring: () => void, ms: number) => start(ring, ms === hurriedMs ? 1 : ms));
}

/** Where the job stands, by the first event of a stream. */
async function standingOf(stream: Stream): Promise<string> {
  const { data = '{}' } = (await stream.next()) ?? {};
  return (JSON.parse(data) as { status: string }).status;
}

async function textsOf(stream: Stream, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const event = await stream.next();
    if (event === undefined) break;
    if (event.event === 'entry') texts.push(textOf(event));
  }
  return texts;
}

function textOf({ data }: EventSourceMessage): string {
  return (JSON.parse(data) as { text: string }).text;
}

describe('following a job', () => {
  it('sends the status, the entries so far, and the new ones', async () => {
    const held = await aRunningJob();
    await log(held, 1, 'before');
    const stream = await follow(held.machine.owner, held.jobId);
    expect(await stream.next()).toMatchObject({
      event: 'status',
      data: expect.stringContaining('"running"'),
    });
    expect(await textsOf(stream, 1)).toEqual(['before']);
    await log(held, 2, 'after');
    expect(await textsOf(stream, 1)).toEqual(['after']);
  });

  it('continues while the object sleeps', async () => {
    const held = await aRunningJob();
    const stream = await follow(held.machine.owner, held.jobId);
    await stream.next();
    await evict(held.machine);
    await log(held, 1, 'woken');
    expect(await textsOf(stream, 1)).toEqual(['woken']);
  });

  it('resumes after the last event id without a duplicate or a gap', async () => {
    const held = await aRunningJob();
    const { owner } = held.machine;
    for (let seq = 1; seq <= 5; seq += 1) await log(held, seq);
    const first = await follow(owner, held.jobId);
    await first.next();
    await first.next();
    const second = await first.next();
    await first.close();
    await log(held, 6);
    for (const resumed of [
      await follow(owner, held.jobId, { lastEventId: second?.id }),
      await follow(owner, held.jobId, { query: `waitSeconds=60&after=${second?.id}` }),
    ]) {
      expect(await textsOf(resumed, 4)).toEqual(['line 3', 'line 4', 'line 5', 'line 6']);
    }
  });

  it('sends each entry once, however often the follower reconnects meanwhile', async () => {
    const held = await aRunningJob();
    const { owner } = held.machine;
    const told: string[] = [];
    const upload = (async () => {
      for (let seq = 1; seq <= 40; seq += 1) await log(held, seq);
    })();
    let cursor: string | undefined;
    while (told.length < 40) {
      const stream = await follow(owner, held.jobId, { lastEventId: cursor });
      for (let count = 0; count < 7 && told.length < 40; ) {
        const event = await stream.next();
        if (event === undefined) break;
        if (event.event !== 'entry') continue;
        told.push(textOf(event));
        cursor = event.id;
        count += 1;
      }
      await stream.close();
    }
    await upload;
    expect(told).toEqual(Array.from({ length: 40 }, (_, index) => `line ${index + 1}`));
  });

  it('ends with the job: the stream ends, and the next one says end', async () => {
    const held = await aRunningJob();
    const { owner } = held.machine;
    await log(held, 1);
    const stream = await follow(owner, held.jobId);
    expect(await textsOf(stream, 1)).toEqual(['line 1']);
    await complete(held);
    expect(await stream.rest()).toEqual(['timeout']);
    const last = await follow(owner, held.jobId, { lastEventId: '1-1' });
    const names = await last.rest();
    expect(names[0]).toBe('status');
    expect(names.at(-1)).toBe('end');
  });

  it.each(['cancelled', 'retried'])('reports that the job was %s', async (what) => {
    const held = await aRunningJob();
    const { owner } = held.machine;
    const stream = await follow(owner, held.jobId);
    await stream.next();
    const order = { as: owner, params: { jobId: held.jobId }, body: {} };
    await (what === 'cancelled' ? accepts(cancelJob, order) : accepts(retryJob, order));
    expect(await stream.rest()).toEqual(['timeout']);
  });

  it('of a queued job is taken up when a machine claims it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const stream = await follow(machine.owner, jobId);
    expect(await stream.next()).toMatchObject({ event: 'status', data: expect.stringContaining('"queued"') });
    await claimAndStart(machine);
    expect(await stream.rest()).toEqual(['timeout']);
  });

  it('of a queued job is taken up whichever machine claims it', async () => {
    const first = await aMachine();
    const second = await aMachine({ owner: first.owner, ideaId: first.ideaId });
    for (const machine of [first, second]) {
      const stream = await follow(first.owner, await aPrompt(first));
      expect(await standingOf(stream)).toBe('queued');
      await claimAndStart(machine);
      expect(await stream.rest()).toEqual(['timeout']);
    }
  });

  it('reports that a queued job was cancelled, also when no machine can take it', async () => {
    const machine = await aMachine();
    const nobodys = { ...machine, ideaId: await anIdea(machine.owner) };
    for (const jobId of [await aPrompt(machine), await aPrompt(nobodys)]) {
      const stream = await follow(machine.owner, jobId);
      expect(await standingOf(stream)).toBe('queued');
      await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
      expect(await stream.rest()).toEqual(['timeout']);
    }
  });

  it('reports that a queued job expired', async () => {
    const machine = await aMachine();
    const expiresAt = new Date(currentTime() + MINUTE).toISOString();
    const stream = await follow(machine.owner, await aPrompt(machine, { expiresAt }));
    expect(await standingOf(stream)).toBe('queued');
    advance(2 * MINUTE);
    await fireCron();
    expect(await stream.rest()).toEqual(['timeout']);
  });

  it('reports that the cron trigger reclaimed the lease', async () => {
    const held = await aRunningJob();
    const stream = await follow(held.machine.owner, held.jobId);
    expect(await standingOf(stream)).toBe('running');
    advance(2 * LEASE_MS);
    await evict(held.machine);
    await fireCron();
    expect(await stream.rest()).toEqual(['timeout']);
    expect(await standingOf(await follow(held.machine.owner, held.jobId))).toBe('lost');
  });

  it.each(['dispatched', 'lost'])('of a %s job is taken up with its first words at work', async (status) => {
    const held = await aJobThatWaits(status);
    const stream = await follow(held.machine.owner, held.jobId);
    expect(await standingOf(stream)).toBe(status);
    await (status === 'lost' ? beat(held) : start(held));
    await log(held, 1, 'at work');
    expect(await stream.rest()).toEqual(['timeout']);
    const next = await follow(held.machine.owner, held.jobId);
    expect(await standingOf(next)).toBe('running');
    expect(await textsOf(next, 1)).toEqual(['at work']);
  });

  it.each(['queued', 'dispatched', 'lost'])('of a %s job is opened again soon', async (status) => {
    const { machine, jobId } = await aJobThatWaits(status);
    hurry(WAITING_STREAM_MS);
    const stream = await follow(machine.owner, jobId, { query: 'waitSeconds=900' });
    expect(await stream.rest()).toEqual(['status', 'timeout']);
  });

  it('of a running job goes on to its time', async () => {
    const { machine, jobId } = await aRunningJob();
    hurry(900_000);
    const stream = await follow(machine.owner, jobId, { query: 'waitSeconds=900' });
    expect(await stream.rest()).toEqual(['status', 'timeout']);
  });

  it('reaches its time with timeout', async () => {
    const held = await aRunningJob();
    const stream = await follow(held.machine.owner, held.jobId, { query: 'waitSeconds=1' });
    expect(await stream.rest()).toEqual(['status', 'timeout']);
  });

  it('costs the runner nothing: any number of followers leave its channel alone', async () => {
    const held = await aRunningJob();
    const { owner } = held.machine;
    const streams = await Promise.all(Array.from({ length: 20 }, () => follow(owner, held.jobId)));
    await log(held, 1, 'to all');
    expect(await Promise.all(streams.map((stream) => textsOf(stream, 1)))).toEqual(
      streams.map(() => ['to all']),
    );
  });

  it('is refused to strangers and to positions that are none', async () => {
    const held = await aRunningJob();
    const path = `/api/cli/runner/jobs/${held.jobId}/events`;
    const refusal = async (response: Response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    });
    expectRefusal(await refusal(await get(path, await aPerson())), 'not_found');
    expectRefusal(await refusal(await get(path)), 'unauthenticated');
    const bad = { 'Last-Event-ID': '../../etc' };
    expectRefusal(await refusal(await get(path, held.machine.owner, bad)), 'invalid_input');
  });
});
