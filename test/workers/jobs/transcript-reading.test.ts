/** A transcript as people read it: page by page, in order, across attempts and machines. */

import { describe, expect, it, vi } from 'vitest';
import { readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { RunnerMachine } from '../../../workers/objects/runner-machine.ts';
import { accepts, refuses, sendRaw } from '../harness/call.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  claim,
  claimAndStart,
  complete,
  log,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import { chunk, entriesOf, textsOf, upload } from '../harness/transcripts.ts';

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

  it('continues from its last cursor when more has arrived', async () => {
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

  it('asks a machine once for all its consecutive attempts, however many there are', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let round = 1; round <= 6; round += 1) {
      const held = await claimAndStart(machine);
      await log(held, 1, `attempt ${round}`);
      await complete(held, { success: false, error: 'Broken.' });
      if (round < 6) await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    }
    const calls = vi.spyOn(RunnerMachine.prototype, 'readTranscripts');
    const told = await textsOf({ machine, jobId });
    expect(told).toEqual([1, 2, 3, 4, 5, 6].map((round) => `attempt ${round}`));
    expect(calls).toHaveBeenCalledTimes(1);
    calls.mockRestore();
  });

  it('returns a few mebibytes at most, and the next page continues there', async () => {
    const held = await aRunningPrompt();
    const text = 'x'.repeat(250_000);
    for (let sent = 0; sent < 24; sent += 8) {
      await upload(
        held,
        Array.from({ length: 8 }, (_, index) => chunk(sent + index + 1, text)),
      );
    }
    const params = { jobId: held.jobId };
    const page = await accepts(readTranscript, { as: held.machine.owner, params, query: { limit: 1000 } });
    expect(page.hasMore).toBe(true);
    expect(page.entries.length).toBeLessThan(24);
    expect((await entriesOf(held)).map((entry) => entry.seq)).toEqual(
      Array.from({ length: 24 }, (_, index) => index + 1),
    );
  });

  it('is open to an operator only', async () => {
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
