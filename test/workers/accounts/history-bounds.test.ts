/** What a job, a machine and a review leave behind has a bound, however often something is done again. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { BOUNDS, utf8Length } from '../../../spec/bounds.ts';
import { removeIdea } from '../../../spec/contract/ideas.ts';
import { cancelJob, listJobs, retryJob } from '../../../spec/contract/jobs.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, currentTime } from '../harness/clock.ts';
import { limitAccount, usageOf } from '../harness/limits.ts';
import type { Machine } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aReview,
  claim,
  claimAndStart,
  complete,
  giveBack,
  show,
} from '../harness/machines.ts';

async function count(table: string, { owner }: Machine): Promise<number> {
  const row = await env.DB.prepare(`SELECT count(*) AS rows FROM ${table} WHERE user_id = ?`)
    .bind(owner.userId)
    .first<{ rows: number }>();
  return row?.rows ?? 0;
}

/** As if a person had cancelled and retried so often. */
async function fillStory(
  { owner }: Machine,
  { jobId, orders }: { jobId: string; orders: number },
): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO audit_log (user_id, subject, at, action, actor, source, detail)
     SELECT ?2, ?3, ?5 + i, iif(i % 2, 'cancel', 'retry'), ?2, 'test', printf('%d %s', i, ?4) FROM n`,
  )
    .bind(orders, owner.userId, jobId, 'r'.repeat(900), currentTime() - orders - 1)
    .run();
}

describe('the story of a job', () => {
  it('shows the newest orders, and keeps no more of them than the bound after thousands', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await fillStory(machine, { jobId, orders: 3000 });
    expect(await count('audit_log', machine)).toBe(BOUNDS.auditEntries);
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: { reason: 'The last one.' } });
    const { events } = await show(machine.owner, jobId);
    expect(events).toHaveLength(BOUNDS.shownEvents);
    expect(events.at(-1)?.detail).toBe('The last one.');
    expect(events.map((event) => event.at)).toEqual(events.map((event) => event.at).sort());
    expect(await count('audit_log', machine)).toBe(BOUNDS.auditEntries);
  });

  it('keeps only the newest attempts when a runner claims and returns a job for ever', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let turn = 0; turn < BOUNDS.shownAttempts + 20; turn += 1) {
      await giveBack(await claim(machine));
      // A job that was given back waits before it is handed out again.
      advance(3_600_000);
    }
    expect(await count('attempts', machine)).toBe(BOUNDS.shownAttempts);
    const held = await claimAndStart(machine);
    await complete(held, { content: 'Done.' });
    const job = await show(machine.owner, jobId);
    expect(job.content).toBe('Done.');
  });
});

describe('an error of a job', () => {
  it('is cut to its bound between characters, and a page of jobs stays small', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await complete(await claimAndStart(machine), { success: false, error: '👩‍👩‍👧‍👦'.repeat(1000) });
    const error = (await show(machine.owner, jobId)).error ?? '';
    expect(utf8Length(error)).toBeLessThanOrEqual(BOUNDS.errorBytes);
    expect(utf8Length(error)).toBeGreaterThan(BOUNDS.errorBytes - 64);
    expect(error).toMatch(/^(👩‍👩‍👧‍👦)+…$/u);
    const page = await accepts(listJobs, { as: machine.owner, query: { limit: 200 } });
    expect(page.jobs[0]?.error).toBe(error);
  });
});

describe('an account without room for texts', () => {
  it('cannot have an ended job run again for one more answer, and still gets the answer of one that runs', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await complete(await claimAndStart(machine), { content: 'a'.repeat(100_000) });
    await aPrompt(machine);
    await limitAccount(machine.owner, { storedBytes: 100_000 });
    const order = { as: machine.owner, params: { jobId }, body: {} };
    const refused = await refuses(retryJob, 'limit_reached', order);
    expect(refused.error).toContain('100000');
    await complete(await claimAndStart(machine), { content: 'b'.repeat(100_000) });
    await limitAccount(machine.owner, { storedBytes: 1_000_000 });
    await accepts(retryJob, order);
  });
});

describe('a review', () => {
  it('is counted in the stored bytes of its account, and is deleted with its idea', async () => {
    const machine = await aMachine();
    const before = await usageOf(machine.owner);
    await aReview(machine);
    const content = `Current state\n${'Ready. '.repeat(2000)}\n`;
    await complete(await claimAndStart(machine), { content });
    const after = await usageOf(machine.owner);
    // The answer stands on the job and, with its sections, on the review.
    expect(after.bytes - before.bytes).toBeGreaterThan(3 * content.length - 1000);
    await accepts(removeIdea, {
      as: machine.owner,
      params: { ideaId: machine.ideaId },
      query: { purge: '1' },
    });
    expect(await count('checkpoints', machine)).toBe(0);
    expect((await usageOf(machine.owner)).bytes).toBe(content.length);
  });

  it('that is still awaited is cancelled when its idea is purged, and its job stays with that end', async () => {
    const machine = await aMachine();
    const { jobId } = await aReview(machine);
    await claimAndStart(machine);
    await accepts(removeIdea, {
      as: machine.owner,
      params: { ideaId: machine.ideaId },
      query: { purge: '1' },
    });
    expect((await show(machine.owner, jobId)).status).toBe('cancelled');
    expect(await count('checkpoints', machine)).toBe(0);
  });
});
