/** What nobody waits for: silent machines, old jobs, used-up sign-in records; all of it in bounded batches. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deviceVerify } from '../../spec/contract/auth.ts';
import { heartbeat } from '../../spec/contract/runner.ts';
import { LEASE_MS, UNRECORDED_MS } from '../../spec/job/lease.ts';
import { OFFLINE_AFTER_MS } from '../../spec/job/waiting.ts';
import { JOB_RETENTION_MS, VISIT_LIMIT } from '../../workers/cron.ts';
import { withoutAbsent } from '../../workers/http/mount.ts';
import { RunnerMachine } from '../../workers/index.ts';
import { DatabaseUnavailable } from '../../workers/store/database.ts';
import { accepts, send } from './harness/call.ts';
import { advance, currentTime, DAY, MINUTE, takeLog } from './harness/clock.ts';
import { billOf, withFault } from './harness/d1-meter.ts';
import type { Machine } from './harness/machines.ts';
import { aMachine, anIdea, aPrompt, claimAndStart, complete, poll, show } from './harness/machines.ts';
import { fireCron, fireCronForAll } from './harness/objects.ts';
import { aPerson } from './harness/people.ts';

afterEach(() => void vi.restoreAllMocks());

describe('a machine that is silent', () => {
  function staleAt({ machineId }: Machine): Promise<number | null> {
    return env.DB.prepare('SELECT stale_at AS at FROM machines WHERE id = ?')
      .bind(machineId)
      .first<{ at: number | null }>()
      .then((row) => row?.at ?? null);
  }

  it('is marked and logged once, and is unmarked when it is seen again', async () => {
    const machine = await aMachine();
    advance(OFFLINE_AFTER_MS + MINUTE);
    takeLog();
    await fireCron();
    const told = takeLog().filter(
      (line) => line.event === 'machine_stale' && line.machineId === machine.machineId,
    );
    expect(told).toHaveLength(1);
    const first = await staleAt(machine);
    expect(first).not.toBeNull();
    advance(MINUTE);
    await fireCron();
    expect(await staleAt(machine)).toBe(first);

    const body = { machineId: machine.machineId, machineName: 'workbench' };
    await accepts(heartbeat, { as: machine.owner, body });
    expect(await staleAt(machine)).toBeNull();
  });

  it('is named by the jobs that wait for it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    expect((await show(machine.owner, jobId)).waiting?.code).toBe('next_poll');
    const seenOn = new Date(currentTime()).toISOString().slice(0, 10);
    advance(OFFLINE_AFTER_MS);
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({
      code: 'machine_offline',
      message: expect.stringContaining(`workbench has been offline since ${seenOn} `),
    });
  });
});

describe('old records', () => {
  it('of jobs go after a year, with their attempts; younger and live ones stay', async () => {
    const machine = await aMachine();
    const old = await aPrompt(machine);
    await complete(await claimAndStart(machine));
    advance(JOB_RETENTION_MS - DAY);
    const young = await aPrompt(machine);
    await complete(await claimAndStart(machine));
    advance(DAY + MINUTE);
    await fireCron();
    const left = await env.DB.prepare('SELECT id FROM jobs WHERE user_id = ?')
      .bind(machine.owner.userId)
      .all();
    expect(left.results).toEqual([{ id: young }]);
    expect(old).not.toBe(young);
  });

  it('of sign-ins go when they mean nothing any more', async () => {
    const email = (await aPerson()).email;
    await send(deviceVerify, { body: { email, code: '000000' } });
    const count = () =>
      env.DB.prepare('SELECT count(*) AS count FROM sign_in_failures WHERE subject = ?')
        .bind(`account:${email}`)
        .first<number>('count');
    expect(await count()).toBe(1);
    await fireCron();
    expect(await count()).toBe(1);
    advance(DAY + MINUTE);
    await fireCron();
    expect(await count()).toBe(0);
  });
});

describe('a run', () => {
  it('repairs a bounded number at once, and the next run continues', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const machine = await aMachine({ owner, ideaId, sessions: [] });
    const jobs = Array.from({ length: 150 }, () => aPrompt(machine));
    await Promise.all(jobs);
    advance(8 * DAY);
    const left = () =>
      env.DB.prepare(`SELECT count(*) AS count FROM jobs WHERE user_id = ? AND status = 'queued'`)
        .bind(owner.userId)
        .first<number>('count');
    await fireCron();
    const afterOne = (await left()) ?? 0;
    expect(afterOne).toBeGreaterThan(0);
    expect(afterOne).toBeLessThan(150);
    await fireCron();
    expect(await left()).toBe(0);
  });

  it('continues with its other steps when one fails', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS + OFFLINE_AFTER_MS);
    const fault = {
      before(sql: string) {
        if (sql.includes('UPDATE machines SET stale_at')) throw new Error('D1_ERROR: out of order');
      },
    };
    takeLog();
    await withFault(fault, () => fireCron());
    expect(takeLog()).toContainEqual(
      expect.objectContaining({ event: 'cron_step_failed', step: 'mark_stale' }),
    );
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });

  it('spares a lease for a while whose object cannot be asked, and takes it in the end', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    vi.spyOn(RunnerMachine.prototype, 'deadlines').mockImplementation(() => {
      throw new Error('the object restarts');
    });
    advance(LEASE_MS + UNRECORDED_MS - 1);
    await fireCron();
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'running' });
    advance(1);
    await fireCron();
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });

  it('that comes twice at once does nothing twice', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const held = await claimAndStart(machine);
    advance(LEASE_MS);
    await Promise.all([fireCron(), fireCron(), fireCron()]);
    const job = await show(machine.owner, held.jobId);
    expect(job).toMatchObject({ status: 'queued', attempts: [{ outcome: 'lost' }] });
    expect((await poll(machine)).job).toBeNull();
  });

  it('with nothing to do reads little and writes nothing', async () => {
    await fireCronForAll();
    const bill = await billOf(() => fireCron());
    expect(bill).toMatchObject({ written: 0, objectWritten: 0 });
    expect(bill.trips).toBeLessThan(10);
  });
});

describe('the maintenance of machines', () => {
  /** Machines that have synced just now and are visited at `visitAt`. */
  async function manyMachines(count: number, visitAt: number): Promise<void> {
    const { userId } = await aPerson();
    await env.DB.prepare(
      `INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at, visit_at)
       SELECT 'm-' || hex(randomblob(8)), ?1, 'm', 'linux', 'one of many', ?2, ?2, ?3 FROM json_each(?4)`,
    )
      .bind(userId, currentTime(), visitAt, JSON.stringify(Array.from({ length: count }, () => 0)))
      .run();
  }

  afterEach(async () => {
    await env.DB.prepare("DELETE FROM machines WHERE app_version = 'one of many'").run();
  });

  function visitAt({ machineId }: Machine): Promise<number | null> {
    return env.DB.prepare('SELECT visit_at FROM machines WHERE id = ?')
      .bind(machineId)
      .first<number>('visit_at');
  }

  it('reads a bounded number of rows, however many machines there are', async () => {
    await fireCronForAll();
    const before = await billOf(() => fireCron());
    await manyMachines(5000, currentTime() + DAY);
    const after = await billOf(() => fireCron());
    // 500 machines on either side of a random id, each read from the index and the table, and once more in the list.
    expect(after.read - before.read).toBeLessThan(3500);
    expect(after.written).toBe(0);
  });

  it('visits a bounded number in one run, and the others in the next ones', async () => {
    await fireCronForAll();
    await manyMachines(2 * VISIT_LIMIT + 50, currentTime());
    const dueNow = async () =>
      (await env.DB.prepare('SELECT count(*) AS count FROM machines WHERE visit_at <= ?')
        .bind(currentTime())
        .first<number>('count')) ?? 0;
    const left: number[] = [];
    for (let run = 0; run < 3; run += 1) {
      const bill = await billOf(() => fireCron());
      expect(bill.read).toBeLessThan(3500);
      left.push(await dueNow());
    }
    expect(left).toEqual([VISIT_LIMIT + 50, 50, 0]);
  });

  it('repeats the visit that D1 did not answer', async () => {
    const machine = await aMachine();
    advance(DAY);
    vi.spyOn(RunnerMachine.prototype, 'prune').mockImplementation(() => {
      throw new DatabaseUnavailable('silent', { silent: true });
    });
    await fireCron();
    expect(await visitAt(machine)).toBeLessThanOrEqual(currentTime());
    vi.restoreAllMocks();
    await fireCronForAll();
    expect(await visitAt(machine)).toBe(currentTime() + DAY);
  });
});

describe('an answer', () => {
  it('is cleaned of what is absent, at any depth, and keeps job: null', () => {
    const absent = {
      a: null,
      b: undefined,
      c: [{ d: null, e: 1 }],
      f: { g: null },
      job: null,
      h: false,
      i: 0,
      j: '',
    };
    expect(withoutAbsent(absent)).toEqual({ c: [{ e: 1 }], f: {}, job: null, h: false, i: 0, j: '' });
  });
});
