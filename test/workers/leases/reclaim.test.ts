/** What becomes of a job whose machine goes silent; each layer that repairs it, alone. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { completeJob } from '../../../spec/contract/runner.ts';
import { BACKOFF_LIMIT_MS, LEASE_MS } from '../../../spec/job/lease.ts';
import { refuses } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE, SECOND, takeLog } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Held, Machine } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aReview,
  aRunningPrompt,
  beat,
  claim,
  claimAndStart,
  complete,
  poll,
  show,
  start,
} from '../harness/machines.ts';
import { alarmAt, evict, fireAlarm, fireCron, fireCronForAll } from '../harness/objects.ts';

/** The layers that may find a lost lease, each alone. */
const LAYERS: { layer: string; repair: (machine: Machine) => Promise<unknown> }[] = [
  { layer: 'the alarm alone', repair: fireAlarm },
  { layer: 'cron alone', repair: () => fireCron() },
  {
    layer: 'the alarm of an object without memory',
    repair: async (machine) => {
      await evict(machine);
      await fireAlarm(machine);
    },
  },
  {
    layer: 'cron with an object without memory',
    repair: async (machine) => {
      await evict(machine);
      await fireCron();
    },
  },
];

async function refusesLate({ machine, jobId, leaseId }: Held): Promise<void> {
  const body = { machineId: machine.machineId, leaseId, success: true, content: 'Late.' };
  await refuses(completeJob, 'lease_lost', { as: machine.owner, params: { jobId }, body });
}

describe.each(LAYERS)('a lease that ends, repaired by $layer', ({ repair }) => {
  it('before the start: the job is queued again and keeps its attempt', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    advance(LEASE_MS - 1);
    await repair(machine);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'dispatched' });
    advance(1);
    await repair(machine);
    const job = await show(machine.owner, jobId);
    expect(job).toMatchObject({
      status: 'queued',
      attempt: 0,
      attempts: [{ attempt: 1, outcome: 'released' }],
    });
    await refusesLate(held);
    expect((await poll(machine)).job).toMatchObject({ id: jobId, attempt: 1 });
  });

  it('while the agent works under hold: the job is lost, and its late result is accepted', async () => {
    const held = await aRunningPrompt();
    const { machine, jobId } = held;
    advance(LEASE_MS);
    await repair(machine);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'lost', waiting: { code: 'lost' } });
    expect((await poll(machine)).job).toBeNull();
    advance(DAY);
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
    expect((await show(machine.owner, jobId)).attempts).toMatchObject([{ attempt: 1, outcome: 'completed' }]);
  });

  it('while the agent works under requeue: the job returns after a pause, and a late result is refused', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    const { machine, jobId } = held;
    advance(LEASE_MS);
    await repair(machine);
    const job = await show(machine.owner, jobId);
    expect(job).toMatchObject({ status: 'queued', attempt: 1, attempts: [{ attempt: 1, outcome: 'lost' }] });
    const pause = Date.parse(job.notBefore ?? '') - currentTime();
    expect(pause).toBeGreaterThanOrEqual(7500);
    expect(pause).toBeLessThanOrEqual(12_500);
    expect((await poll(machine)).job).toBeNull();
    await refusesLate(held);
    advance(pause);
    const again = (await poll(machine)).job;
    expect(again).toMatchObject({ id: jobId, attempt: 2 });
    // The prompt may have been entered under the lease that was lost.
    expect(again?.earlierLeases).toEqual([held.leaseId]);
  });

  it('in the last automatic attempt: the job fails as exhausted', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue', maxAttempts: 1 });
    advance(LEASE_MS);
    await repair(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({
      status: 'failed',
      failureKind: 'attempts_exhausted',
      attempts: [{ attempt: 1, outcome: 'failed' }],
    });
  });

  it('twice: nothing more happens', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await repair(held.machine);
    const before = await show(held.machine.owner, held.jobId);
    const { written } = await billOf(() => repair(held.machine));
    expect(written).toBe(0);
    expect(await show(held.machine.owner, held.jobId)).toEqual(before);
  });

  it('not at all while heartbeats come', async () => {
    const held = await aRunningPrompt();
    for (let count = 0; count < 30; count += 1) {
      advance(20 * SECOND);
      expect((await beat(held)).lease).toMatchObject({ valid: true });
      await repair(held.machine);
    }
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running' });
  });
});

describe('the fence, with alarm and cron both off', () => {
  it('lets the holder finish however late, while the lease was not reclaimed', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    advance(30 * DAY);
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
  });

  it('refuses a result under an old lease once the job is held again', async () => {
    const old = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    advance(LEASE_MS);
    await fireCron();
    advance(BACKOFF_LIMIT_MS);
    const next = await claimAndStart(old.machine);
    expect(next.leaseId).not.toBe(old.leaseId);
    await refusesLate(old);
    expect(await complete(next, { content: 'New.' })).toMatchObject({ job: { status: 'completed' } });
    expect(await show(old.machine.owner, old.jobId)).toMatchObject({ content: 'New.', attempt: 2 });
  });
});

describe('the alarm', () => {
  it('is at the deadline of the lease, within two seconds', async () => {
    const held = await aRunningPrompt();
    const deadline = currentTime() + LEASE_MS;
    const at = (await alarmAt(held.machine)) ?? 0;
    expect(at).toBeGreaterThanOrEqual(deadline);
    expect(at).toBeLessThanOrEqual(deadline + 2 * SECOND);
  });

  it('is not set again by heartbeats, and moves on when it finds nothing due', async () => {
    const held = await aRunningPrompt();
    const first = await alarmAt(held.machine);
    for (let count = 0; count < 5; count += 1) {
      advance(20 * SECOND);
      await beat(held);
    }
    expect(await alarmAt(held.machine)).toBe(first);
    advance(20 * SECOND);
    expect(await fireAlarm(held.machine)).toBe(true);
    expect(await alarmAt(held.machine)).toBe(currentTime() - 20 * SECOND + LEASE_MS);
  });

  it('finds a lease that expired after a start that only D1 knows', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    advance(50 * SECOND);
    await start(held);
    const startedAt = currentTime();
    for (let rings = 0; rings < 3; rings += 1) {
      advance(((await alarmAt(machine)) ?? currentTime()) - currentTime());
      await fireAlarm(machine);
    }
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'lost' });
    expect(currentTime()).toBeLessThanOrEqual(startedAt + LEASE_MS + 2 * SECOND);
  });

  it('is not armed again when nothing is left', async () => {
    const held = await aRunningPrompt();
    await complete(held);
    advance(LEASE_MS);
    await fireAlarm(held.machine);
    expect(await alarmAt(held.machine)).toBeUndefined();
  });

  it('of one lease spares another whose heartbeats only the object knows', async () => {
    const sessions = ['a', 'b'].map((name) => ({
      orpSessionId: `orp-${name}`,
      codexSessionId: `codex-${crypto.randomUUID()}`,
    }));
    const machine = await aMachine({ sessions });
    await aPrompt(machine, { orpSessionId: 'orp-a' });
    const silent = await claimAndStart(machine);
    advance(10 * SECOND);
    await aPrompt(machine, { orpSessionId: 'orp-b' });
    const alive = await claimAndStart(machine);
    advance(50 * SECOND);
    await beat(alive);
    advance(61 * SECOND);
    await fireAlarm(machine);
    advance(10 * SECOND);
    await fireAlarm(machine);
    expect(await show(machine.owner, silent.jobId)).toMatchObject({ status: 'lost' });
    expect(await show(machine.owner, alive.jobId)).toMatchObject({ status: 'running' });
    expect((await beat(alive)).lease).toMatchObject({ valid: true });
  });
});

describe('a machine that comes back', () => {
  it('continues its lost job under the same lease', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireCron();
    advance(5 * MINUTE);
    expect((await beat(held)).lease).toMatchObject({ valid: true, action: 'continue' });
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running', attempt: 1 });
    advance(LEASE_MS);
    await fireAlarm(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });

  it('finds its session as it left it: nothing else ran there meanwhile', async () => {
    const held = await aRunningPrompt();
    const { machine } = held;
    advance(1);
    const next = await aPrompt(machine);
    advance(LEASE_MS);
    await fireCron();
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, next)).waiting).toMatchObject({
      code: 'session_held',
      message: expect.stringContaining(held.jobId),
    });
    expect((await beat(held)).lease).toMatchObject({ valid: true });
    await complete(held);
    expect((await poll(machine)).job?.id).toBe(next);
  });

  it('never shares its session, though another machine has it too and asks at the same moment', async () => {
    const held = await aRunningPrompt();
    const { machine } = held;
    const { owner, ideaId } = machine;
    const codexSessionId = `codex-${machine.machineId}`;
    const sharer = await aMachine({ owner, ideaId, sessions: [{ orpSessionId: 'orp-b', codexSessionId }] });
    for (let round = 0; round < 5; round += 1) {
      await aPrompt(machine);
      advance(LEASE_MS);
      await fireCron();
      expect(await show(owner, held.jobId)).toMatchObject({ status: 'lost' });
      const [own, other, news] = await Promise.all([poll(machine), poll(sharer), beat(held)]);
      expect([own.job, other.job]).toEqual([null, null]);
      expect(news.lease).toMatchObject({ valid: true });
      const holders = await env.DB.prepare(
        `SELECT count(*) AS count FROM jobs WHERE codex_session_id = ? AND status IN ('dispatched', 'running', 'lost')`,
      )
        .bind(codexSessionId)
        .first();
      expect(holders).toEqual({ count: 1 });
    }
    await complete(held);
    expect((await poll(sharer)).job).not.toBeNull();
  });

  it('learns to stop when another attempt has its job', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    advance(LEASE_MS);
    await fireCron();
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
    advance(BACKOFF_LIMIT_MS);
    await claim(held.machine);
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
  });

  it('whose start comes after the release is refused', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    advance(LEASE_MS);
    await fireCron();
    await expect(start(held)).rejects.toThrow('409');
  });
});

describe('cron', () => {
  it('asks the object before it reclaims a lease: a machine that sends heartbeats keeps it', async () => {
    const held = await aRunningPrompt();
    advance(50 * SECOND);
    await beat(held);
    advance(75 * SECOND);
    await fireCron();
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running' });
    advance(45 * SECOND);
    await fireCron();
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });

  it('ends queued jobs that waited past their expiry, and no others', async () => {
    const machine = await aMachine({ sessions: [] });
    const [old, young] = [
      await aPrompt(machine, { expiresAt: new Date(currentTime() + MINUTE).toISOString() }),
      await aPrompt(machine),
    ];
    advance(MINUTE);
    takeLog();
    await fireCron();
    expect(await show(machine.owner, old)).toMatchObject({ status: 'failed', failureKind: 'expired' });
    expect(await show(machine.owner, young)).toMatchObject({ status: 'queued' });
    expect(takeLog()).toContainEqual(expect.objectContaining({ jobId: old }));
  });

  it('never hands out a job past its expiry, even before it was there', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { expiresAt: new Date(currentTime() + MINUTE).toISOString() });
    advance(MINUTE);
    expect((await poll(machine)).job).toBeNull();
  });

  it('records the failed response of a review that ran out of attempts or of time', async () => {
    const machine = await aMachine();
    const { checkpointId, jobId } = await aReview(machine);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await claimAndStart(machine);
      advance(LEASE_MS);
      await fireCron();
      advance(BACKOFF_LIMIT_MS);
    }
    expect(await show(machine.owner, jobId)).toMatchObject({
      status: 'failed',
      failureKind: 'attempts_exhausted',
    });
    expect(await checkpointOf(machine, checkpointId)).toMatchObject({
      status: 'failed',
      error: expect.any(String),
    });

    const waiting = await aReview(machine);
    advance(8 * DAY);
    await fireCron();
    expect(await checkpointOf(machine, waiting.checkpointId)).toMatchObject({ status: 'failed' });
  });

  it('costs no written row when nothing is due', async () => {
    await aRunningPrompt();
    await fireCronForAll();
    expect(await billOf(() => fireCron())).toMatchObject({ written: 0, objectWritten: 0 });
  });
});

async function checkpointOf({ owner }: Machine, checkpointId: string) {
  return env.DB.prepare('SELECT status, error, body, summary FROM checkpoints WHERE user_id = ? AND id = ?')
    .bind(owner.userId, checkpointId)
    .first();
}
