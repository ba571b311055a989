/** Messages and output of a job: replays, overlaps, holes, limits, and reading it all in order. */

import { describe, expect, it } from 'vitest';
import type { BodyInput } from '../../spec/contract/endpoint.ts';
import { cancelJob, readTranscript, retryJob } from '../../spec/contract/jobs.ts';
import { addLogs, addMessage } from '../../spec/contract/runner.ts';
import { MAX_CHUNK_BYTES } from '../../spec/job/kinds.ts';
import { LEASE_MS } from '../../spec/job/lease.ts';
import { minuteOf } from '../../workers/cron.ts';
import { accepts, refuses, send, sendRaw } from './harness/call.ts';
import { advance, currentTime, DAY, MINUTE, T0 } from './harness/clock.ts';
import type { Held } from './harness/machines.ts';
import { aMachine, aPrompt, claim, claimAndStart, complete, log } from './harness/machines.ts';
import { evict, fireCron, inside } from './harness/objects.ts';
import { aPerson } from './harness/people.ts';
import { billOf } from './harness/platform-tap.ts';

type Chunk = NonNullable<BodyInput<typeof addLogs>['chunks']>[number];

async function aRunningPrompt(): Promise<Held> {
  const machine = await aMachine();
  await aPrompt(machine);
  return claimAndStart(machine);
}

function chunk(seq: number, text = `line ${seq}\n`): Chunk {
  return { seq, stream: 'stdout', text };
}

function upload({ machine, jobId, leaseId }: Held, chunks: Chunk[]) {
  const { owner, machineId } = machine;
  return accepts(addLogs, { as: owner, params: { jobId }, body: { machineId, leaseId, chunks } });
}

async function textsOf({ machine, jobId }: Pick<Held, 'machine' | 'jobId'>): Promise<string[]> {
  const page = await accepts(readTranscript, {
    as: machine.owner,
    params: { jobId },
    query: { limit: 1000 },
  });
  return page.entries.map((entry) => entry.text);
}

describe('chunks', () => {
  it('arrive in order with their stream, their level and their time', async () => {
    const held = await aRunningPrompt();
    const at = '2036-07-18T13:20:01.500Z';
    const reply = await upload(held, [
      { seq: 1, stream: 'stdout', text: 'reading\n', at },
      { seq: 2, stream: 'stderr', level: 'error', text: 'slow disk\n' },
      { seq: 3, stream: 'agent', text: 'Three gauges.' },
    ]);
    expect(reply).toEqual({ ok: true, accepted: 3, received: 3 });
    const page = await accepts(readTranscript, { as: held.machine.owner, params: { jobId: held.jobId } });
    expect(page).toMatchObject({
      hasMore: false,
      status: 'running',
      entries: [
        { attempt: 1, seq: 1, at, type: 'log', stream: 'stdout', level: 'info', text: 'reading\n' },
        { seq: 2, type: 'log', stream: 'stderr', level: 'error' },
        { seq: 3, type: 'message', stream: 'agent', text: 'Three gauges.' },
      ],
    });
  });

  it('sent again, or overlapping what is there, are kept once', async () => {
    const held = await aRunningPrompt();
    await upload(held, [chunk(1), chunk(2)]);
    const { value, objectWritten } = await billOf(() => upload(held, [chunk(1), chunk(2)]));
    expect(value.received).toBe(2);
    expect(objectWritten).toBe(0);
    expect((await upload(held, [chunk(2, 'another 2\n'), chunk(3)])).received).toBe(3);
    expect(await textsOf(held)).toEqual(['line 1\n', 'line 2\n', 'line 3\n']);
  });

  it('after a hole are not taken; the answer says where to go on', async () => {
    const held = await aRunningPrompt();
    await upload(held, [chunk(1)]);
    expect((await upload(held, [chunk(3), chunk(4)])).received).toBe(1);
    expect((await upload(held, [chunk(2), chunk(4)])).received).toBe(2);
    expect((await upload(held, [chunk(3), chunk(4)])).received).toBe(4);
    expect(await textsOf(held)).toEqual([1, 2, 3, 4].map((seq) => `line ${seq}\n`));
  });

  it('uploaded by two at once are kept once', async () => {
    const held = await aRunningPrompt();
    await Promise.all([upload(held, [chunk(1), chunk(2)]), upload(held, [chunk(1), chunk(2), chunk(3)])]);
    expect(await textsOf(held)).toEqual(['line 1\n', 'line 2\n', 'line 3\n']);
  });

  it('go on where they were when the object has lost its memory', async () => {
    const held = await aRunningPrompt();
    await upload(held, [chunk(1), chunk(2)]);
    await evict(held.machine);
    expect((await upload(held, [chunk(2), chunk(3)])).received).toBe(3);
    expect(await textsOf(held)).toEqual(['line 1\n', 'line 2\n', 'line 3\n']);
  });

  it('cost one row an upload and no query to D1 while the lease is live', async () => {
    const held = await aRunningPrompt();
    const bill = await billOf(() =>
      upload(
        held,
        Array.from({ length: 500 }, (_, index) => chunk(index + 1)),
      ),
    );
    expect(bill).toMatchObject({ trips: 0, written: 0, objectWritten: 1 });
  });

  it('that are too large are refused', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId, leaseId } = held;
    const chunks = [chunk(1, 'ü'.repeat(MAX_CHUNK_BYTES / 2 + 1))];
    const body = { machineId: machine.machineId, leaseId, chunks };
    const answer = await send(addLogs, { as: machine.owner, params: { jobId }, body });
    expect(answer.status).toBe(413);
  });

  it('and the last output may follow the result', async () => {
    const held = await aRunningPrompt();
    await complete(held);
    expect((await upload(held, [chunk(1)])).received).toBe(1);
    expect(await textsOf(held)).toEqual(['line 1\n']);
  });

  it('of a lost job are taken: its machine was only silent', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireCron();
    await evict(held.machine);
    expect((await upload(held, [chunk(1)])).received).toBe(1);
  });

  it('of a cancelled job, and under an old lease, are refused', async () => {
    const held = await aRunningPrompt();
    await upload(held, [chunk(1)]);
    const { machine, jobId, leaseId } = held;
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
    const body = { machineId: machine.machineId, leaseId, chunks: [chunk(2)] };
    expect((await send(addLogs, { as: machine.owner, params: { jobId }, body })).status).toBe(409);
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    await claimAndStart(machine);
    await refuses(addLogs, 'lease_lost', { as: machine.owner, params: { jobId }, body });
    expect(await textsOf(held)).toEqual(['line 1\n']);
  });
});

describe('what v0.4.4 sends', () => {
  it('its message and its lines are taken as they are', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId, leaseId } = held;
    const { owner: as, machineId } = machine;
    await accepts(addMessage, {
      as,
      params: { jobId },
      body: {
        machineId,
        leaseId,
        sender: 'system',
        content: 'Prompt is going to Main.',
        meta: { orpSessionId: 'orp-main', codexSessionId: 'codex-1', leaseId },
      },
    });
    const lines = [
      { level: 'info', line: 'thinking' },
      { level: 'error', line: 'slow disk' },
    ];
    const reply = await accepts(addLogs, { as, params: { jobId }, body: { machineId, leaseId, lines } });
    expect(reply.accepted).toBe(2);
    const { entries } = await accepts(readTranscript, { as, params: { jobId } });
    expect(entries).toMatchObject([
      { type: 'message', stream: 'system', text: 'Prompt is going to Main.' },
      { type: 'log', stream: 'stdout', text: 'thinking\n' },
      { type: 'log', stream: 'stderr', level: 'error', text: 'slow disk\n' },
    ]);
  });

  it('its whole output at once, many mebibytes, is kept', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId, leaseId } = held;
    const lines = Array.from({ length: 60_000 }, (_, index) => ({
      level: 'info',
      line: `${index} ${'x'.repeat(100)}`,
    }));
    const body = { machineId: machine.machineId, leaseId, lines };
    const { objectWritten } = await billOf(() =>
      accepts(addLogs, { as: machine.owner, params: { jobId }, body }),
    );
    expect(objectWritten).toBeLessThan(40);
    const text = (await textsOf(held)).join('');
    expect(text.length).toBeGreaterThan(6_000_000);
    expect(text.trimEnd().split('\n')).toHaveLength(60_000);
  });

  it('one line longer than a row of the database is kept too', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId, leaseId } = held;
    const lines = [{ level: 'info', line: 'ü'.repeat(1_500_000) }];
    await accepts(addLogs, {
      as: machine.owner,
      params: { jobId },
      body: { machineId: machine.machineId, leaseId, lines },
    });
    expect((await textsOf(held)).join('')).toBe(`${'ü'.repeat(1_500_000)}\n`);
    const widest = await inside(machine, ({ storage }) =>
      storage.sql
        .exec<{ size: number }>('SELECT max(length(CAST(entries AS BLOB))) AS size FROM uploads')
        .one(),
    );
    expect(widest.size).toBeLessThan(2_000_000);
  });

  it('without a lease id is refused where one was handed out', async () => {
    const { machine, jobId } = await aRunningPrompt();
    const body = { machineId: machine.machineId, leaseId: null, content: 'Hello.' };
    await refuses(addMessage, 'lease_lost', { as: machine.owner, params: { jobId }, body });
  });
});

describe('the limit of an attempt', () => {
  it('leaves one gap, takes what follows without keeping it, and never asks for it again', async () => {
    const held = await aRunningPrompt();
    const text = 'x'.repeat(250_000);
    let seq = 0;
    const more = (count: number) =>
      upload(
        held,
        Array.from({ length: count }, () => chunk(++seq, text)),
      );
    for (let sent = 0; sent < 24; sent += 2) expect((await more(8)).received).toBe(seq);
    const page = await accepts(readTranscript, {
      as: held.machine.owner,
      params: { jobId: held.jobId },
      query: { limit: 1000 },
    });
    const gaps = page.entries.filter((entry) => entry.type === 'gap');
    expect(gaps).toHaveLength(1);
    expect(page.entries.at(-1)).toBe(gaps[0]);
    const kept = page.entries.reduce((sum, entry) => sum + entry.text.length, 0);
    expect(kept).toBeGreaterThan(19 * 1024 * 1024);
    expect(kept).toBeLessThanOrEqual(20 * 1024 * 1024 + 1000);

    await evict(held.machine);
    expect((await more(1)).received).toBe(seq);
    expect((await billOf(() => more(1))).objectWritten).toBe(0);
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
  });
});

describe('the retention', () => {
  it('forgets output after 30 days, and nothing before', async () => {
    const held = await aRunningPrompt();
    await upload(held, [chunk(1)]);
    await complete(held);
    const { machineId } = held.machine;
    const dayOf = (at: number) => Math.floor(at / DAY) * DAY;
    const pruneOn = (day: number) => {
      advance(dayOf(T0) + day * DAY + minuteOf(machineId) * MINUTE - currentTime());
      return fireCron();
    };
    await pruneOn(29);
    expect(await textsOf(held)).toEqual(['line 1\n']);
    await pruneOn(32);
    expect(await textsOf(held)).toEqual([]);
  });
});

describe('reading', () => {
  it('pages through every attempt in order, entry by entry', async () => {
    const held = await aRunningPrompt();
    for (const seq of [1, 2, 3]) await log(held, seq, `first ${seq}`);
    await complete(held, { success: false, error: 'Broken.' });
    const { machine, jobId } = held;
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    const second = await claimAndStart(machine);
    for (const seq of [1, 2]) await log(second, seq, `second ${seq}`);

    for (const limit of [1, 2, 3, 5, 100]) {
      const seen: [number, number, string][] = [];
      let cursor: string | undefined;
      for (let hasMore = true; hasMore; ) {
        const query = { limit, ...(cursor ? { cursor } : {}) };
        const page = await accepts(readTranscript, { as: machine.owner, params: { jobId }, query });
        seen.push(
          ...page.entries.map(({ attempt, seq, text }): [number, number, string] => [attempt, seq, text]),
        );
        ({ hasMore, nextCursor: cursor } = page);
      }
      expect(seen).toEqual([
        [1, 1, 'first 1'],
        [1, 2, 'first 2'],
        [1, 3, 'first 3'],
        [2, 1, 'second 1'],
        [2, 2, 'second 2'],
      ]);
    }
  });

  it('goes on from its last cursor when more has come', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId } = held;
    const read = (cursor?: string) =>
      accepts(readTranscript, { as: machine.owner, params: { jobId }, query: cursor ? { cursor } : {} });
    const empty = await read();
    expect(empty.entries).toEqual([]);
    await log(held, 1);
    const one = await read(empty.nextCursor);
    expect(one.entries).toHaveLength(1);
    expect((await read(one.nextCursor)).entries).toEqual([]);
    await log(held, 2);
    expect((await read(one.nextCursor)).entries).toMatchObject([{ seq: 2 }]);
  });

  it('spans the machines that ran the attempts', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId } = held;
    await log(held, 1, 'on the first machine');
    await complete(held, { success: false, error: 'Broken.' });
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    const other = await aMachine({ owner: machine.owner, ideaId: machine.ideaId });
    const next = await claim(other);
    await log(next, 1, 'on the second machine');
    expect(await textsOf(held)).toEqual(['on the first machine', 'on the second machine']);
  });

  it('is open to an operator, and to nobody else', async () => {
    const held = await aRunningPrompt();
    await log(held, 1);
    const params = { jobId: held.jobId };
    const operator = await aPerson({ role: 'operator' });
    expect((await accepts(readTranscript, { as: operator, params })).entries).toHaveLength(1);
    await refuses(readTranscript, 'not_found', { as: await aPerson(), params });
  });

  it('refuses a cursor that it did not give out', async () => {
    const held = await aRunningPrompt();
    for (const cursor of ['x', '1', '-1-2', '1-2-3', '1-99999999999999']) {
      const answer = await sendRaw({
        method: 'GET',
        path: `/api/cli/runner/jobs/${held.jobId}/transcript?cursor=${cursor}`,
        as: held.machine.owner,
      });
      expect(answer.status).toBe(400);
    }
  });
});
