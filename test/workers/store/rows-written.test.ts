/** What each operation costs in written rows, from the platform's own counters: the price of a job cannot drift. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { cancelJob, enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { pollJob } from '../../../spec/contract/runner.ts';
import { lowestIdAt } from '../../../spec/ids.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  aReview,
  beat,
  claim,
  claimAndStart,
  complete,
  log,
  poll,
  start,
} from '../harness/machines.ts';
import { fireAlarm, fireCron, fireCronForAll } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

/** Rows written in D1 and in the object by `work`. */
async function rowsOf(work: () => Promise<unknown>): Promise<[number, number]> {
  const { written, objectWritten } = await billOf(work);
  return [written, objectWritten];
}

describe('rows written', () => {
  it('by a complete job with four heartbeats and three log chunks are at most 10', async () => {
    const machine = await aMachine();
    await poll(machine);
    const rows: Record<string, [number, number]> = {};
    const count = async (name: string, work: () => Promise<unknown>) => {
      const [d1, object] = await rowsOf(work);
      const [before, objectBefore] = rows[name] ?? [0, 0];
      rows[name] = [before + d1, objectBefore + object];
    };
    await count('enqueue', () => aPrompt(machine));
    const claimId = crypto.randomUUID();
    await count('claim', () => claim(machine, { claimId }));
    const lease = await claim(machine, { claimId });
    await count('start', () => start(lease));
    for (let beats = 1; beats <= 4; beats += 1) {
      advance(20 * SECOND);
      await count('heartbeats', () => beat(lease));
      if (beats <= 3) await count('chunks', () => log(lease, beats));
    }
    await count('complete', () => complete(lease));
    advance(LEASE_MS);
    await count('alarm', () => fireAlarm(machine));

    expect(rows).toEqual({
      enqueue: [2, 0],
      claim: [2, 1],
      start: [1, 0],
      heartbeats: [0, 0],
      chunks: [0, 3],
      complete: [1, 0],
      alarm: [0, 0],
    });
    const total = Object.values(rows).reduce((sum, [d1, object]) => sum + d1 + object, 0);
    expect(total).toBeLessThanOrEqual(10);
  });

  it('by a review are those of a prompt and its checkpoint', async () => {
    const machine = await aMachine();
    expect(await rowsOf(() => aReview(machine))).toEqual([4, 0]);
    const held = await claimAndStart(machine);
    expect(await rowsOf(() => complete(held, { content: 'Current state\nReady.' }))).toEqual([2, 0]);
  });

  it('by an enqueue with an Idempotency-Key is one more', async () => {
    const machine = await aMachine();
    const order = { as: machine.owner, body: { prompt: 'Count.' }, headers: { 'Idempotency-Key': 'key-1' } };
    expect(await rowsOf(() => accepts(enqueueJob, order))).toEqual([3, 0]);
    expect(await rowsOf(() => accepts(enqueueJob, order))).toEqual([0, 0]);
  });

  it('by an idle poll, a dry run and a lost race are none', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one, two] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    expect(await rowsOf(() => poll(one))).toEqual([0, 0]);
    await aPrompt(one);
    expect(await rowsOf(() => poll(one, { dryRun: '1' }))).toEqual([0, 0]);
    expect(await rowsOf(() => Promise.all([poll(one), poll(two)]))).toEqual([2, 1]);
  });

  it('by a reclaim are few, and by a sweep that comes second none', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await claim(machine);
    advance(LEASE_MS);
    expect(await rowsOf(() => fireAlarm(machine))).toEqual([3, 0]);
    await claimAndStart(machine);
    advance(LEASE_MS);
    // The job is lost: the second row lets the inbox find it.
    expect(await rowsOf(() => fireAlarm(machine))).toEqual([2, 0]);
    await fireCronForAll();
    expect(await rowsOf(() => fireCron())).toEqual([0, 0]);
  });

  it('by a cancel are its end, the audit with its two indexes and what the object remembers, by a retry the archive too', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const { jobId } = await claimAndStart(machine);
    const params = { jobId };
    const as = machine.owner;
    expect(await rowsOf(() => accepts(cancelJob, { as, params, body: {} }))).toEqual([4, 1]);
    const [retried] = await rowsOf(() => accepts(retryJob, { as, params, body: {} }));
    expect(retried).toBeLessThanOrEqual(7);
  });
});

describe('rows read by a claim', () => {
  it('do not grow with what has been finished', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const before = await billOf(() => poll(machine, { dryRun: '1' }));

    const { owner, ideaId } = machine;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO jobs (user_id, id, kind, status, created_at, available_at, expires_at, finished_at, updated_at,
                         on_lease_loss, max_attempts, session_fallback, idea_id, prompt)
       SELECT ?1, ?4 || printf('%013d', i), 'session.prompt', 'completed', ?2, ?2, ?2, ?2, ?2,
              'hold', 3, 'primary', ?3, 'An old prompt.' FROM n`,
    )
      .bind(owner.userId, currentTime(), ideaId, lowestIdAt('job', currentTime() - DAY))
      .run();
    const after = await billOf(() => poll(machine, { dryRun: '1' }));
    expect(after.read).toBeLessThanOrEqual(before.read + 2);

    const query = { machineId: machine.machineId };
    const claimed = await billOf(() => accepts(pollJob, { as: owner, query }));
    expect(claimed.value.job).not.toBeNull();
    expect(claimed.read).toBeLessThan(40);
    expect(claimed.trips).toBeLessThanOrEqual(3);
    expect((await billOf(() => fireCron())).read).toBeLessThan(2000);
  });
});
