/** Cancel: by the holder, by any `orp` of the owner, and by an operator without the lease; and the receipt of it. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { cancelJob, readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { completeJob } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import type { Held } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  beat,
  claim,
  claimAndStart,
  poll,
  show,
  start,
} from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';

function cancel(as: Person, jobId: string, body: object = {}) {
  return accepts(cancelJob, { as, params: { jobId }, body });
}

function retry(as: Person, jobId: string, body: object = {}) {
  return accepts(retryJob, { as, params: { jobId }, body });
}

/** How often the story and the transcript tell what was stopped. */
async function toldOf({ machine, jobId }: Held) {
  const { owner } = machine;
  const { events } = await show(owner, jobId);
  const { entries } = await accepts(readTranscript, { as: owner, params: { jobId } });
  return {
    events: events.filter(({ action }) => action === 'stopped').length,
    entries: entries.filter(({ text }) => text.includes('SIGTERM')).length,
  };
}

describe('a cancel', () => {
  it('of a queued job is final, and no machine can claim it afterwards', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    expect((await cancel(machine.owner, jobId, { reason: 'wrong repo' })).job).toMatchObject({
      status: 'cancelled',
      cancel: { by: machine.owner.email, reason: 'wrong repo', at: new Date(currentTime()).toISOString() },
    });
    expect((await poll(machine)).job).toBeNull();
  });

  it.each([
    {
      who: 'the holder',
      body: (held: Held) => ({ machineId: held.machine.machineId, leaseId: held.leaseId }),
    },
    {
      who: 'v0.4.4 without a lease',
      body: (held: Held) => ({ machineId: held.machine.machineId, leaseId: null, reason: null }),
    },
    { who: 'a person without a machine', body: () => ({}) },
  ])('by $who revokes the lease at once, and its holder learns to stop', async ({ body }) => {
    const held = await aRunningPrompt();
    await cancel(held.machine.owner, held.jobId, body(held));
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'cancelled', action: 'stop' });
    const late = { machineId: held.machine.machineId, leaseId: held.leaseId, success: true };
    const answer = await send(completeJob, {
      as: held.machine.owner,
      params: { jobId: held.jobId },
      body: late,
    });
    expect(answer.status).toBe(409);
  });

  it('from another machine of the owner is accepted', async () => {
    const held = await aRunningPrompt();
    const other = await aMachine({ owner: held.machine.owner });
    expect((await cancel(held.machine.owner, held.jobId, { machineId: other.machineId })).job.status).toBe(
      'cancelled',
    );
  });

  it('by an operator needs no lease, and is in the audit log', async () => {
    const held = await aRunningPrompt();
    const operator = await aPerson({ role: 'operator' });
    await cancel(operator, held.jobId, { reason: 'runs away' });
    const entry = await env.DB.prepare('SELECT * FROM audit_log WHERE subject = ?').bind(held.jobId).first();
    expect(entry).toMatchObject({ actor: operator.userId, action: 'cancel', detail: 'runs away' });
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'cancelled' });
  });

  it('sent twice gets the same answer and keeps the first reason', async () => {
    const held = await aRunningPrompt();
    const first = await cancel(held.machine.owner, held.jobId, { reason: 'one' });
    advance(SECOND);
    expect(await cancel(held.machine.owner, held.jobId, { reason: 'two' })).toEqual(first);
  });

  it('is confirmed once by the receipt of the runner, which the transcript shows', async () => {
    const held = await aRunningPrompt();
    const { owner, machineId } = held.machine;
    await cancel(owner, held.jobId);
    advance(2 * SECOND);
    const receipt = {
      processes: 3,
      signal: 'SIGTERM' as const,
      tookMs: 5400,
      at: new Date(currentTime()).toISOString(),
    };
    const body = { machineId, leaseId: held.leaseId, receipt };
    const confirmed = await cancel(owner, held.jobId, body);
    expect(confirmed.job.cancel).toMatchObject({ confirmedAt: receipt.at, receipt });
    advance(SECOND);
    expect((await cancel(owner, held.jobId, body)).job.cancel).toEqual(confirmed.job.cancel);
    await cancel(owner, held.jobId, body);
    expect(await toldOf(held)).toEqual({ events: 1, entries: 1 });
    await retry(owner, held.jobId);
    await cancel(owner, held.jobId, body);
    expect(await toldOf(held)).toEqual({ events: 1, entries: 1 });
  });

  it('is confirmed once by a receipt that comes after the retry, however often it is sent', async () => {
    const held = await aRunningPrompt();
    const { owner, machineId } = held.machine;
    await cancel(owner, held.jobId);
    await retry(owner, held.jobId);
    const at = new Date(currentTime()).toISOString();
    const receipt = { processes: 1, signal: 'SIGTERM' as const, tookMs: 10, at };
    for (let times = 1; times <= 3; times += 1) {
      advance(SECOND);
      const { job } = await cancel(owner, held.jobId, { machineId, leaseId: held.leaseId, receipt });
      expect(job.status).toBe('queued');
    }
    expect(await toldOf(held)).toEqual({ events: 1, entries: 1 });
    const next = await claimAndStart(held.machine);
    await cancel(owner, held.jobId, { machineId, leaseId: next.leaseId, receipt });
    expect(await toldOf(held)).toEqual({ events: 2, entries: 2 });
  });

  it('is confirmed by a receipt that is sent again because the first was only half noted', async () => {
    const held = await aRunningPrompt();
    const { owner, machineId } = held.machine;
    await cancel(owner, held.jobId);
    const at = new Date(currentTime()).toISOString();
    const receipt = { processes: 1, signal: 'SIGTERM' as const, tookMs: 10, at };
    const call = {
      as: owner,
      params: { jobId: held.jobId },
      body: { machineId, leaseId: held.leaseId, receipt },
    };
    const fault = {
      before(sql: string) {
        if (/INTO audit_log/.test(sql)) throw new Error('D1_ERROR: Network connection lost.');
      },
    };
    expect((await withFault(fault, () => send(cancelJob, call))).status).toBe(503);
    await accepts(cancelJob, call);
    expect(await toldOf(held)).toEqual({ events: 1, entries: 1 });
  });

  it('of a silent runner is final at once and does not make the machine look alive', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS / 2);
    const seen = () =>
      env.DB.prepare('SELECT last_seen_at AS at FROM machines WHERE id = ?')
        .bind(held.machine.machineId)
        .first();
    const before = await seen();
    await cancel(held.machine.owner, held.jobId);
    expect(await seen()).toEqual(before);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'cancelled' });
  });

  it('reaches a lost job too', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireCron();
    expect((await cancel(held.machine.owner, held.jobId)).job.status).toBe('cancelled');
  });

  it('frees the session for the next job', async () => {
    const held = await aRunningPrompt();
    const next = await aPrompt(held.machine);
    expect((await poll(held.machine)).job).toBeNull();
    await cancel(held.machine.owner, held.jobId);
    expect((await poll(held.machine)).job?.id).toBe(next);
  });

  async function requeued(onLeaseLoss: 'requeue' | 'hold') {
    const held = await aRunningPrompt({ onLeaseLoss });
    const { machineId, owner } = held.machine;
    advance(LEASE_MS);
    await fireCron();
    if (onLeaseLoss === 'hold') await retry(owner, held.jobId);
    expect(await show(owner, held.jobId)).toMatchObject({ status: 'queued' });
    advance(10 * MINUTE);
    const call = { as: owner, params: { jobId: held.jobId }, body: { machineId, leaseId: held.leaseId } };
    return { held, owner, call };
  }

  it.each(['requeue', 'hold'] as const)(
    'with an earlier lease cancels a job that no lease holds (%s)',
    async (loss) => {
      const { held, call } = await requeued(loss);
      expect((await accepts(cancelJob, call)).job.status).toBe('cancelled');
      expect((await accepts(cancelJob, call)).job.status).toBe('cancelled');
      expect((await poll(held.machine)).job).toBeNull();
    },
  );

  it.each(['dispatched', 'running', 'lost'] as const)(
    'with an earlier lease leaves the newer attempt alone that is %s',
    async (status) => {
      const { held, owner, call } = await requeued('hold');
      const next = await claim(held.machine);
      if (status !== 'dispatched') await start(next);
      if (status === 'lost') {
        advance(LEASE_MS);
        await fireCron();
      }
      const { error, hint } = await refuses(cancelJob, 'lease_lost', call);
      expect(error).toContain(held.leaseId);
      expect(hint).toContain('Omit the lease');
      expect(await show(owner, held.jobId)).toMatchObject({ status, leaseId: next.leaseId });
    },
  );

  it('with an earlier lease kills no attempt that begins at the same moment', async () => {
    const { held, owner, call } = await requeued('requeue');
    const begun: Promise<Held>[] = [];
    const betweenReadingAndWriting = {
      async pauseAfterRead(sql: string) {
        if (begun.length > 0 || !/FROM attempts/.test(sql)) return;
        begun.push(claimAndStart(held.machine));
        await begun[0];
      },
    };
    await withFault(betweenReadingAndWriting, () => refuses(cancelJob, 'lease_lost', call));
    const next = await begun[0];
    expect(await show(owner, held.jobId)).toMatchObject({ status: 'running', leaseId: next?.leaseId });
  });

  it('by two at once answers both alike', async () => {
    const held = await aRunningPrompt();
    const both = await Promise.all([1, 2].map(() => cancel(held.machine.owner, held.jobId)));
    expect(both[0]).toEqual(both[1]);
  });

  it('with the lease of another job is refused and changes nothing', async () => {
    const held = await aRunningPrompt();
    const other = await aRunningPrompt();
    const { owner, machineId } = held.machine;
    await refuses(cancelJob, 'lease_lost', {
      as: owner,
      params: { jobId: held.jobId },
      body: { machineId, leaseId: other.leaseId },
    });
    expect((await beat(held)).lease).toMatchObject({ valid: true });
  });
});
