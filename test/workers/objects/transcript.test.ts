/** Messages and output of a job: replays, overlaps, holes, limits, and how long they are kept. */

import { describe, expect, it } from 'vitest';
import { cancelJob, readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { addLogs, addMessage } from '../../../spec/contract/runner.ts';
import { MAX_CHUNK_BYTES } from '../../../spec/job/kinds.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, DAY, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aRunningPrompt, beat, claimAndStart, complete } from '../harness/machines.ts';
import { evict, fireCron, fireCronForAll, inside } from '../harness/objects.ts';
import { chunk, entriesOf, textsOf, upload } from '../harness/transcripts.ts';

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

  it('after a gap are not accepted; the answer says where to continue', async () => {
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

  it('continue where they were when the object has lost its memory', async () => {
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

  it('its complete output at once, many mebibytes, is kept', async () => {
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
    for (let sent = 0; sent < 24; sent += 0.5) expect((await more(2)).received).toBe(seq);
    const entries = await entriesOf(held);
    const gaps = entries.filter((entry) => entry.type === 'gap');
    expect(gaps).toHaveLength(1);
    expect(entries.at(-1)).toBe(gaps[0]);
    const kept = entries.reduce((sum, entry) => sum + entry.text.length, 0);
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
    advance(29 * DAY);
    await fireCronForAll();
    expect(await textsOf(held)).toEqual(['line 1\n']);
    advance(DAY + MINUTE);
    await fireCronForAll();
    expect(await textsOf(held)).toEqual([]);
  });

  it('leaves a gap for what it forgot when a machine continues after months', async () => {
    const held = await aRunningPrompt();
    await upload(
      held,
      [1, 2, 3].map((seq) => chunk(seq)),
    );
    advance(LEASE_MS);
    await fireCronForAll();
    advance(40 * DAY);
    await fireCronForAll();
    expect(await textsOf(held)).toEqual([]);

    expect((await beat(held)).lease).toMatchObject({ valid: true });
    expect((await upload(held, [chunk(4), chunk(5)])).received).toBe(5);
    await evict(held.machine);
    expect((await upload(held, [chunk(5), chunk(6)])).received).toBe(6);
    expect(await entriesOf(held)).toMatchObject([
      { seq: 3, type: 'gap', text: expect.stringContaining('30 days') },
      { seq: 4, text: 'line 4\n' },
      { seq: 5 },
      { seq: 6 },
    ]);
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
  });

  it('is no excuse for a young attempt to begin with a hole', async () => {
    const held = await aRunningPrompt();
    expect((await upload(held, [chunk(4)])).received).toBe(0);
    expect(await textsOf(held)).toEqual([]);
  });
});
