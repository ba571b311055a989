/** The machines of every account, as an operator reads them: right in every field, filtered, paged, and bounded. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { listMachines } from '../../../spec/contract/admin.ts';
import type { QueryInput } from '../../../spec/contract/endpoint.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { OFFLINE_AFTER_MS } from '../../../spec/job/waiting.ts';
import { ASLEEP_MS } from '../../../spec/overview/machine-state.ts';
import { SCAN_LIMIT } from '../../../workers/store/admin-reads.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';
import { aPerson, type Person } from '../harness/people.ts';

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

const list = (query: QueryInput<typeof listMachines> = {}) => accepts(listMachines, { as: operator, query });

async function shown({ machineId }: Machine) {
  const [machine] = (await list({ q: machineId })).machines;
  return machine;
}

const iso = (at: number) => new Date(at).toISOString();

describe('the list of all machines', () => {
  it('is for operators only', async () => {
    await refuses(listMachines, 'unauthenticated', { query: {} });
    const refusal = await refuses(listMachines, 'forbidden', { as: await aPerson(), query: {} });
    expect(refusal.error).toBe('Only an operator may do this.');
    await accepts(listMachines, { as: operator, query: {} });
  });

  it('shows a machine with its account, its work, and how its last jobs ended', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await complete(await claimAndStart(machine));
    const completedAt = currentTime();
    advance(MINUTE);
    await aPrompt(machine);
    await complete(await claimAndStart(machine), {
      success: false,
      error: 'No.',
      failureKind: 'agent_error',
    });
    const failedAt = currentTime();
    await aPrompt(machine, { machineId: machine.machineId });
    const { jobId } = await claimAndStart(machine);
    await aPrompt(machine, { machineId: machine.machineId });
    expect(await shown(machine)).toMatchObject({
      name: 'workbench',
      account: { id: machine.owner.userId, email: machine.owner.email },
      platform: 'linux',
      version: '0.4.4',
      state: 'online',
      draining: false,
      currentJobs: [{ id: jobId, status: 'running' }],
      heldCount: 1,
      queuedCount: 1,
      lastCompletedAt: iso(completedAt),
      lastFailedAt: iso(failedAt),
    });
  });

  it('says which machines are online, asleep, silent or drained, and filters by it', async () => {
    const machine = await aMachine();
    const { owner, machineId } = machine;
    const isListed = async (state: 'online' | 'asleep' | 'silent' | 'draining') =>
      (await list({ state, q: machineId })).machines.length === 1;
    const states = async () => ({
      shown: (await shown(machine))?.state,
      online: await isListed('online'),
      asleep: await isListed('asleep'),
      silent: await isListed('silent'),
      draining: await isListed('draining'),
    });
    const none = { online: false, asleep: false, silent: false, draining: false };
    advance(OFFLINE_AFTER_MS - 1);
    expect(await states()).toEqual({ ...none, shown: 'online', online: true });
    advance(1);
    expect(await states()).toEqual({ ...none, shown: 'asleep', asleep: true });
    advance(ASLEEP_MS - OFFLINE_AFTER_MS);
    expect(await states()).toEqual({ ...none, shown: 'silent', silent: true });
    await accepts(drainMachine, { as: operator, params: { machineId }, body: { draining: true } });
    expect(await states()).toEqual({ ...none, shown: 'draining', draining: true });
    await accepts(drainMachine, { as: owner, params: { machineId }, body: { draining: false } });
    expect(await states()).toEqual({ ...none, shown: 'silent', silent: true });
  });

  it('is filtered by account, version, platform and words, also in combination', async () => {
    const [one, other] = [await aMachine(), await aMachine()];
    await env.DB.prepare("UPDATE machines SET app_version = '9.9.9', platform = 'darwin' WHERE id = ?")
      .bind(one.machineId)
      .run();
    const ids = async (query: QueryInput<typeof listMachines>) =>
      (await list(query)).machines.map(({ id }) => id);
    expect(await ids({ account: one.owner.email.toUpperCase() })).toEqual([one.machineId]);
    expect(await ids({ account: one.owner.userId })).toEqual([one.machineId]);
    expect(await ids({ version: '9.9.9', platform: 'darwin' })).toEqual([one.machineId]);
    expect(await ids({ version: '9.9.9', account: other.owner.userId })).toEqual([]);
    expect(await ids({ q: other.owner.email.slice(4, 25) })).toEqual([other.machineId]);
  });

  it('takes every filter value as text', async () => {
    await aMachine();
    for (const q of ["' OR 1=1 --", '%', '"', '\u202e', '😀', '\\', 'x'.repeat(200)])
      expect((await list({ q })).machines, q).toEqual([]);
    expect((await list({ account: '%' })).machines).toEqual([]);
    for (const query of [
      { q: 'x'.repeat(201) },
      { q: ' ' },
      { state: 'gone' },
      { limit: '0' },
      { limit: '1e9' },
    ])
      expect((await send(listMachines, { as: operator, query: query as object })).status).toBe(400);
  });

  it('has pages that show every machine once', async () => {
    const owner = await aPerson();
    const made = [await aMachine({ owner }), await aMachine({ owner }), await aMachine({ owner })];
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ account: owner.userId, limit: '2', ...(cursor ? { cursor } : {}) });
      seen.push(...page.machines.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(made.map(({ machineId }) => machineId).sort());
  });

  it('reads a bounded number of rows, whatever the history and however many machines there are', async () => {
    const machine = await aMachine();
    await manyMachines(machine.owner, 2 * SCAN_LIMIT);
    await manyEndedJobs(machine, 3000);
    const page = await billOf(() => list({ limit: '50' }));
    expect(page.read).toBeLessThanOrEqual(1000);
    const selective = await billOf(() => list({ q: 'no such machine' }));
    expect(selective.value).toMatchObject({ machines: [], hasMore: true });
    expect(selective.read).toBeLessThanOrEqual(4 * SCAN_LIMIT + 400);

    let cursor = selective.value.nextCursor;
    for (let pages = 0; cursor !== undefined; pages += 1) {
      expect(pages).toBeLessThan(5);
      cursor = (await list({ q: 'no such machine', cursor })).nextCursor;
    }
  });

  it('counts the live jobs of all accounts by status', async () => {
    const before = (await list()).live;
    const machine = await aMachine();
    await aPrompt(machine);
    await claimAndStart(machine);
    await aPrompt(machine);
    expect((await list()).live).toEqual({
      ...before,
      running: before.running + 1,
      queued: before.queued + 1,
    });
  });
});

describe('the report of a runner', () => {
  const beat = ({ owner, machineId }: Machine, said: object = {}) =>
    accepts(heartbeat, { as: owner, body: { machineId, machineName: 'workbench', ...said } });

  it('is shown, and an older client changes nothing of it', async () => {
    const machine = await aMachine();
    const oldestAt = iso(currentTime() - MINUTE);
    const spool = { leases: 2, bytes: 4096, oldestAt };
    const agent = { way: 'own_server', version: '0.169.0' };
    await beat(machine, { spool, agent });
    expect(await shown(machine)).toMatchObject({ spool, agent, reportedAt: iso(currentTime()) });
    advance(6 * MINUTE);
    await beat(machine);
    expect(await shown(machine)).toMatchObject({ spool, agent });
  });

  it('is written with the next regular sign of life, and at once when a backlog begins or ends', async () => {
    const machine = await aMachine();
    await beat(machine, { spool: { leases: 0, bytes: 0 } });
    const begins = await billOf(() => beat(machine, { spool: { leases: 1, bytes: 10 } }));
    expect(begins.written).toBe(1);
    const grows = await billOf(() => beat(machine, { spool: { leases: 2, bytes: 9000 } }));
    expect(grows.written).toBe(0);
    advance(8 * MINUTE);
    await beat(machine, { spool: { leases: 2, bytes: 9000 } });
    expect((await shown(machine))?.spool).toEqual({ leases: 2, bytes: 9000 });
    expect((await billOf(() => beat(machine, { spool: { leases: 0, bytes: 0 } }))).written).toBe(1);
  });

  it('that flickers is written a bounded number of times', async () => {
    const machine = await aMachine();
    const { written } = await billOf(async () => {
      for (let at = 0; at < 20; at += 1) await beat(machine, { spool: { leases: at % 2, bytes: 1 } });
    });
    expect(written).toBeLessThanOrEqual(6);
  });
});

async function manyMachines(owner: Person, count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at, visit_at)
     SELECT 'many-' || printf('%06d', i), ?, 'desk', 'linux', '0.5.0', ?, ?, ? FROM n`,
  )
    .bind(count, owner.userId, currentTime(), currentTime(), currentTime() + 900 * DAY)
    .run();
}

async function manyEndedJobs({ owner, machineId }: Machine, count: number): Promise<void> {
  const at = currentTime();
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, machine_id, attempt, prompt)
     SELECT ?, 'job_' || printf('%06d', i) || 'x', 'session.prompt', 'completed', ?, ?, ?, ?, ?, 'hold', 3, 'primary', ?, 1, 'Count.'
     FROM n`,
  )
    .bind(count, owner.userId, at, at, at, at, at, machineId)
    .run();
}
