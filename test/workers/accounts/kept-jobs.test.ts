/** An account keeps a bounded number of jobs, and nothing that can be done with one job again and again goes uncounted. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { cancelJob, enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { makeId } from '../../../spec/ids.ts';
import { accepts, refuses } from '../harness/call.ts';
import { currentTime, drawIds, MINUTE } from '../harness/clock.ts';
import { limitAccount, usageOf } from '../harness/limits.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { type Person, randomBytes } from '../harness/people.ts';

afterEach(() => drawIds({ isCounted: false }));

async function keptBy({ userId }: Person): Promise<{ counted: number; ids: string[] }> {
  const row = await env.DB.prepare('SELECT kept_jobs AS counted FROM account_usage WHERE user_id = ?')
    .bind(userId)
    .first<{ counted: number }>();
  const { results } = await env.DB.prepare('SELECT id FROM jobs WHERE user_id = ? ORDER BY id')
    .bind(userId)
    .all<{ id: string }>();
  return { counted: row?.counted ?? -1, ids: results.map(({ id }) => id) };
}

/** Cancelled jobs with ids as the server draws them, the oldest first. */
async function keepEnded({ owner }: Machine, { ids }: { ids: readonly string[] }): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, prompt)
     SELECT ?1, value, 'session.prompt', 'cancelled', ?2, ?2, ?2, ?2, ?2, 'hold', 1, 'none', 'Old.' FROM json_each(?3)`,
  )
    .bind(owner.userId, currentTime(), JSON.stringify(ids))
    .run();
}

function drawnIds(count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    makeId('job', currentTime() - MINUTE + at, randomBytes(13)),
  );
}

describe('the number of kept jobs', () => {
  it('counts one job in 32 for 32, and is zero again when all of them are gone', async () => {
    const machine = await aMachine();
    const ids = drawnIds(6400);
    await keepEnded(machine, { ids });
    const { counted } = await keptBy(machine.owner);
    expect(counted).toBe(32 * ids.filter((id) => id.endsWith('0')).length);
    // Seven standard deviations: a fair lot misses this once in a hundred billion runs.
    expect(Math.abs(counted - ids.length)).toBeLessThan(7 * 32 * Math.sqrt(ids.length / 32));
    await env.DB.prepare('DELETE FROM jobs WHERE user_id = ?').bind(machine.owner.userId).run();
    expect((await keptBy(machine.owner)).counted).toBe(0);
  });

  it('refuses one more job at the limit, although every earlier one was cancelled', async () => {
    const { owner: as } = await aMachine();
    drawIds({ isCounted: true });
    await limitAccount(as, { keptJobs: 96 });
    const call = { as, body: { prompt: 'Again.' } };
    for (let turn = 0; turn < 3; turn += 1) {
      const { job } = await accepts(enqueueJob, call);
      await accepts(cancelJob, { as, params: { jobId: job.id }, body: {} });
    }
    const refused = await refuses(enqueueJob, 'limit_reached', call);
    expect(refused.error).toContain('limit of 96 kept jobs');
    expect(refused.hint).toContain('removes the oldest ended jobs');
    expect((await keptBy(as)).ids).toHaveLength(3);
  });

  it('does not keep the result of a job that runs from arriving', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await limitAccount(machine.owner, { keptJobs: 0 });
    await complete(held, { content: 'Done.' });
  });
});

describe('cron', () => {
  it('removes the oldest ended jobs of a full account, a bounded number at a time, and no live or newer one', async () => {
    const machine = await aMachine();
    const live = await aPrompt(machine);
    const ids = drawnIds(400);
    await keepEnded(machine, { ids });
    const newest = await aPrompt(machine);
    const { counted } = await keptBy(machine.owner);
    await limitAccount(machine.owner, { keptJobs: counted });
    await fireCron();
    expect((await keptBy(machine.owner)).ids).toEqual([...ids.slice(100), live, newest].sort());
    await limitAccount(machine.owner, { keptJobs: 1_000_000 });
    await fireCron();
    expect((await keptBy(machine.owner)).ids).toHaveLength(302);
  });

  it('leaves every job of an account that has room', async () => {
    const machine = await aMachine();
    await keepEnded(machine, { ids: drawnIds(200) });
    await fireCron();
    expect((await keptBy(machine.owner)).ids).toHaveLength(200);
  });
});

describe('the number of live jobs', () => {
  const LIMIT = 120;

  async function liveBy({ owner }: Machine): Promise<number | undefined> {
    const row = await env.DB.prepare('SELECT live_jobs AS live FROM account_usage WHERE user_id = ?')
      .bind(owner.userId)
      .first<{ live: number }>();
    return row?.live;
  }

  it('is counted exactly where the sample says that the account is full, and by cron', async () => {
    const machine = await aMachine();
    const { owner: as } = machine;
    drawIds({ isCounted: true });
    await limitAccount(as, { queuedJobs: LIMIT });
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) ids.push(await aPrompt(machine));
    expect(await liveBy(machine)).toBe(6 * 32);
    await accepts(cancelJob, { as, params: { jobId: ids[0] ?? '' }, body: {} });
    await fireCron();
    expect(await liveBy(machine)).toBe(5);
    await accepts(retryJob, { as, params: { jobId: ids[0] ?? '' }, body: {} });
    expect(await liveBy(machine)).toBe(5 + 32);
  });

  it('is limited although the sample has missed them', async () => {
    const machine = await aMachine();
    const { owner: as } = machine;
    drawIds({ isCounted: true });
    await limitAccount(as, { queuedJobs: LIMIT });
    const { userId } = as;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, available_at, expires_at, on_lease_loss,
         max_attempts, session_fallback, prompt)
       SELECT ?2, 'job_' || printf('%015d', i) || 'z', 'session.prompt', 'queued', ?3, ?3, ?3, ?3 + 9e6, 'hold', 1, 'none', 'Wait.' FROM n`,
    )
      .bind(LIMIT - 4, userId, currentTime())
      .run();
    for (let count = 0; count < 4; count += 1) await aPrompt(machine);
    expect(await liveBy(machine)).toBe(4 * 32);
    const refused = await refuses(enqueueJob, 'limit_reached', { as, body: { prompt: 'One more.' } });
    expect(refused.error).toContain(`limit of ${LIMIT} `);
  });
});

describe('the stored bytes', () => {
  it('include the short texts of every attempt but the first, and lose them when the job goes', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const order = { as: machine.owner, params: { jobId }, body: {} };
    const { bytes: before } = await usageOf(machine.owner);
    for (const _ of [1, 2, 3]) {
      await complete(await claimAndStart(machine), { success: false, error: 'e'.repeat(3000) });
      await accepts(retryJob, order);
    }
    const { bytes: after } = await usageOf(machine.owner);
    expect(after - before).toBeGreaterThanOrEqual(2 * (512 + 3000));
    expect(after - before).toBeLessThan(3 * (512 + 3000));
    await env.DB.prepare('DELETE FROM jobs WHERE user_id = ?').bind(machine.owner.userId).run();
    expect((await usageOf(machine.owner)).bytes).toBe(before);
  });

  it('leave no room for retries that take a job from its runner again and again', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const { jobId } = await claimAndStart(machine);
    await limitAccount(machine.owner, { storedBytes: 0 });
    await refuses(retryJob, 'limit_reached', { as: machine.owner, params: { jobId }, body: {} });
  });

  it('include the orders about jobs, from one in 32, and not what strangers do at the door', async () => {
    const { owner } = await aMachine();
    const { bytes: before } = await usageOf(owner);
    // The entries are more than a year older than this one, so that they may go.
    await env.DB.prepare(
      "INSERT INTO audit_log (user_id, subject, at, action, actor, source) VALUES (?1, 'newest', ?2, 'sign_in', ?1, 'test')",
    )
      .bind(owner.userId, currentTime())
      .run();
    const note = (subject: string) =>
      env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 640)
         INSERT INTO audit_log (user_id, subject, at, action, actor, source, detail)
         SELECT ?1, ?2, i, 'cancel', ?1, 'test', ?3 FROM n`,
      )
        .bind(owner.userId, subject, 'r'.repeat(100))
        .run();
    await note('198.51.100.7');
    expect((await usageOf(owner)).bytes).toBe(before);
    await note('job_1');
    expect((await usageOf(owner)).bytes - before).toBe(640 * (256 + 100));
    await env.DB.prepare('DELETE FROM audit_log WHERE user_id = ? AND at <= 640').bind(owner.userId).run();
    expect((await usageOf(owner)).bytes).toBe(before);
  });
});
