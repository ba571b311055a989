/** Bulk orders: the count first, then a run that orders each job at most once, whoever advances it and whatever breaks. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { abortBulk, advanceBulk, showBulk, startBulk } from '../../../spec/contract/admin.ts';
import type { BodyInput } from '../../../spec/contract/endpoint.ts';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { STEP_JOBS } from '../../../workers/overview/bulk.ts';
import { FAILED_FOR_MS } from '../../../workers/store/bulk.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart, complete, show } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';

type Order = Pick<BodyInput<typeof startBulk>, 'action' | 'filter'>;

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

const count = async (order: Order) =>
  (await accepts(startBulk, { as: operator, body: { ...order, dryRun: true } })).count;

async function begin(order: Order & { count?: number; reason?: string }) {
  const name = `run-${crypto.randomUUID()}`;
  const body = { ...order, name, count: order.count ?? (await count(order)) ?? 0 };
  const { run } = await accepts(startBulk, { as: operator, body });
  return { name, run };
}

const step = async (name: string) => (await accepts(advanceBulk, { as: operator, params: { name } })).run;

async function toTheEnd(name: string) {
  for (let steps = 0; steps < 50; steps += 1) {
    const run = await step(name);
    if (run.state !== 'running') return { run, steps: steps + 1 };
  }
  throw new Error('the run does not end');
}

const many = (machine: Machine, howMany: number) =>
  Promise.all(Array.from({ length: howMany }, () => aPrompt(machine)));

async function failOne(machine: Machine): Promise<string> {
  const jobId = await aPrompt(machine);
  await complete(await claimAndStart(machine), { success: false, error: 'No.' });
  return jobId;
}

const statusOf = async ({ owner }: Machine, jobId: string) => (await show(owner, jobId)).status;

async function orders(jobId: string): Promise<object[]> {
  const found = await env.DB.prepare('SELECT action, source, detail, actor FROM audit_log WHERE subject = ?')
    .bind(jobId)
    .all<object>();
  return found.results;
}

describe('a dry run', () => {
  it('counts what matches, and writes nothing', async () => {
    const [one, other] = [await aMachine(), await aMachine()];
    await many(one, 3);
    await many(other, 2);
    advance(SECOND);
    const filter = { account: one.owner.email };
    expect(await billOf(() => count({ action: 'cancel', filter }))).toMatchObject({ value: 3, written: 0 });
    expect(await count({ action: 'cancel', filter: { ideaId: other.ideaId, status: 'queued' } })).toBe(2);
    expect(await count({ action: 'cancel', filter: { ...filter, kind: 'idea.checkpoint' } })).toBe(0);
    expect(await count({ action: 'requeue', filter })).toBe(0);
  });

  it('refuses a status that the action cannot start from, and takes hostile values as text', async () => {
    const wrong: [Order['action'], string][] = [
      ['cancel', 'failed'],
      ['requeue', 'queued'],
      ['requeue', 'completed'],
      ['cancel', "queued' OR 1=1"],
    ];
    for (const [action, status] of wrong) {
      const answer = await send(startBulk, {
        as: operator,
        body: { action, filter: { status }, dryRun: true },
      });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('filter.status');
    }
    for (const account of ["' OR 1=1 --", '%', '\u202e'])
      expect(await count({ action: 'cancel', filter: { account } })).toBe(0);
    const misspelt = { action: 'cancel', filter: { acount: 'x' }, dryRun: true } as unknown as Order;
    expect((await send(startBulk, { as: operator, body: misspelt })).status).toBe(400);
  });

  it('must come first: a run needs a name and the count', async () => {
    const order: Order = { action: 'cancel', filter: { account: 'usr_none' } };
    for (const body of [order, { ...order, name: 'x' }, { ...order, name: '../x', count: 1 }])
      expect((await send(startBulk, { as: operator, body })).status).toBe(400);
  });
});

describe('a run', () => {
  it('cancels what matched in bounded steps, with progress, and leaves newer jobs and others alone', async () => {
    const [machine, other] = [await aMachine(), await aMachine()];
    const jobs = await many(machine, STEP_JOBS + 5);
    const foreign = await aPrompt(other);
    await claimAndStart(machine);
    advance(SECOND);
    const { name, run } = await begin({
      action: 'cancel',
      filter: { account: machine.owner.userId },
      reason: 'Wrong prompt.',
    });
    expect(run).toMatchObject({ state: 'running', count: jobs.length, done: 0, skipped: 0 });
    advance(SECOND);
    const later = await aPrompt(machine);

    expect(await step(name)).toMatchObject({ state: 'running', done: STEP_JOBS });
    const { run: ended } = await toTheEnd(name);
    expect(ended).toMatchObject({ state: 'completed', done: jobs.length, skipped: 0 });
    for (const jobId of jobs) expect(await statusOf(machine, jobId)).toBe('cancelled');
    expect(await statusOf(machine, later)).toBe('queued');
    expect(await statusOf(other, foreign)).toBe('queued');
    expect(await orders(jobs[0] ?? '')).toEqual([
      { action: 'cancel', source: `bulk:${name}`, detail: 'Wrong prompt.', actor: operator.userId },
    ]);
    expect(await step(name)).toEqual(ended);
  });

  it('requeues each failed job once, also when it fails again at once', async () => {
    const machine = await aMachine();
    const [one, two] = [await failOne(machine), await failOne(machine)];
    advance(SECOND);
    const { name } = await begin({ action: 'requeue', filter: { account: machine.owner.userId } });
    const fault = {
      before(sql: string) {
        if (sql.includes('UPDATE bulk_runs')) throw new Error('D1_ERROR: Network connection lost.');
      },
    };
    // The step orders the jobs and breaks before it notes that.
    const broken = await withFault(fault, () => send(advanceBulk, { as: operator, params: { name } }));
    expect(broken.status).toBe(503);
    expect([await statusOf(machine, one), await statusOf(machine, two)]).toEqual(['queued', 'queued']);
    for (let at = 0; at < 2; at += 1) {
      await complete(await claimAndStart(machine), { success: false, error: 'Again.' });
    }
    advance(SECOND);
    const { run } = await toTheEnd(name);
    expect(run).toMatchObject({ state: 'completed' });
    for (const jobId of [one, two]) {
      expect(await statusOf(machine, jobId)).toBe('failed');
      expect(await orders(jobId)).toHaveLength(1);
    }
  });

  it('that two clients advance at once orders each job once', async () => {
    const machine = await aMachine();
    const jobs = [await failOne(machine), await failOne(machine), await failOne(machine)];
    advance(SECOND);
    const { name } = await begin({ action: 'requeue', filter: { account: machine.owner.userId } });
    await Promise.all([step(name), step(name), step(name)]);
    const { run } = await toTheEnd(name);
    expect(run).toMatchObject({ state: 'completed', done: 3, skipped: 0 });
    for (const jobId of jobs) expect(await orders(jobId)).toHaveLength(1);
  });

  it('is advanced by cron alone', async () => {
    const machine = await aMachine();
    const jobs = await many(machine, 3);
    advance(SECOND);
    const { name } = await begin({ action: 'cancel', filter: { account: machine.owner.userId } });
    await fireCron();
    const { run } = await accepts(showBulk, { as: operator, params: { name } });
    expect(run).toMatchObject({ state: 'completed', done: 3 });
    expect(await statusOf(machine, jobs[0] ?? '')).toBe('cancelled');
  });

  it('orders no more jobs than the operator saw', async () => {
    const machine = await aMachine();
    const jobs = await many(machine, 3);
    advance(SECOND);
    const { name } = await begin({
      action: 'cancel',
      filter: { account: machine.owner.userId, status: 'queued' },
    });
    await env.DB.prepare('UPDATE bulk_runs SET seen_count = 2 WHERE name = ?').bind(name).run();
    const { run } = await toTheEnd(name);
    expect(run).toMatchObject({ state: 'completed', done: 2 });
    const left = await Promise.all(jobs.map((jobId) => statusOf(machine, jobId)));
    expect(left.filter((status) => status === 'queued')).toHaveLength(1);
  });

  it('is aborted between two steps, once, and does not go on', async () => {
    const machine = await aMachine();
    const jobs = await many(machine, STEP_JOBS + 1);
    advance(SECOND);
    const { name } = await begin({ action: 'cancel', filter: { account: machine.owner.userId } });
    await step(name);
    const abort = () => accepts(abortBulk, { as: operator, params: { name } });
    expect(await abort()).toMatchObject({
      changed: true,
      run: { state: 'aborted', done: STEP_JOBS, abortedBy: operator.email },
    });
    expect((await abort()).changed).toBe(false);
    await step(name);
    await fireCron();
    const left = await Promise.all(jobs.map((jobId) => statusOf(machine, jobId)));
    expect(left.filter((status) => status === 'queued')).toHaveLength(1);
  });

  it('that is ordered again under its name is the same run', async () => {
    const machine = await aMachine();
    await many(machine, 2);
    advance(SECOND);
    const order: Order = { action: 'cancel', filter: { account: machine.owner.userId } };
    const { name } = await begin(order);
    await toTheEnd(name);
    const body = { ...order, name, count: 2 };
    expect(await accepts(startBulk, { as: operator, body })).toMatchObject({
      created: false,
      run: { state: 'completed', done: 2 },
    });
  });

  it.each([
    ['is no operator any more', "UPDATE users SET role = 'member' WHERE id = ?"],
    ['is disabled', 'UPDATE users SET disabled_at = 1 WHERE id = ?'],
  ])('ends when its operator %s', async (_, change) => {
    const [machine, former] = [await aMachine(), await aPerson({ role: 'operator' })];
    const [jobId = ''] = await many(machine, 1);
    advance(SECOND);
    const name = crypto.randomUUID();
    const body = { action: 'cancel' as const, filter: { account: machine.owner.userId }, name, count: 1 };
    await accepts(startBulk, { as: former, body });
    await env.DB.prepare(change).bind(former.userId).run();
    await fireCron();
    expect((await accepts(showBulk, { as: operator, params: { name } })).run.state).toBe('aborted');
    expect(await statusOf(machine, jobId)).toBe('queued');
  });

  it('counts a job that its account has no room for as skipped', async () => {
    const machine = await aMachine();
    await failOne(machine);
    await env.DB.prepare('UPDATE account_usage SET limits = ? WHERE user_id = ?')
      .bind('{"queuedJobs": 0}', machine.owner.userId)
      .run();
    advance(SECOND);
    const { name } = await begin({ action: 'requeue', filter: { account: machine.owner.userId } });
    expect((await toTheEnd(name)).run).toMatchObject({ state: 'completed', done: 0, skipped: 1 });
  });

  it('leaves jobs alone that failed long ago', async () => {
    const machine = await aMachine();
    await failOne(machine);
    const filter = { account: machine.owner.userId };
    advance(FAILED_FOR_MS);
    expect(await count({ action: 'requeue', filter })).toBe(1);
    advance(1);
    expect(await count({ action: 'requeue', filter })).toBe(0);
  });

  it('reads as many rows with a long history as without', async () => {
    const machine = await aMachine();
    await many(machine, 3);
    const filter = { account: machine.owner.userId };
    const before = await billOf(() => count({ action: 'cancel', filter }));
    for (let at = 0; at < 20; at += 1) {
      const body = { prompt: 'Count.', ideaId: machine.ideaId, priority: 5 };
      await accepts(enqueueJob, { as: machine.owner, body });
      await complete(await claimAndStart(machine));
    }
    expect((await billOf(() => count({ action: 'cancel', filter }))).read).toBe(before.read);
  });
});
