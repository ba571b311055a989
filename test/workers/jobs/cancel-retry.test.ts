/** Retry: by any `orp` of the owner, of every status, and what becomes of the attempt it replaces. */

import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { completeJob } from '../../../spec/contract/runner.ts';
import { DEFAULT_EXPIRY_MS } from '../../../spec/job/kinds.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE } from '../harness/clock.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  beat,
  claim,
  claimAndStart,
  complete,
  poll,
  show,
} from '../harness/machines.ts';
import { evict, fireCron } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';

function cancel(as: Person, jobId: string, body: object = {}) {
  return accepts(cancelJob, { as, params: { jobId }, body });
}

function retry(as: Person, jobId: string, body: object = {}) {
  return accepts(retryJob, { as, params: { jobId }, body });
}

describe('a retry', () => {
  it('gives a job a week again, however often it is retried', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let times = 0; times < 3; times += 1) {
      await cancel(machine.owner, jobId);
      advance(6 * DAY);
      const { job } = await retry(machine.owner, jobId);
      expect(Date.parse(job.expiresAt)).toBe(currentTime() + DEFAULT_EXPIRY_MS);
    }
  });

  it('of a failed job queues it again and keeps its history', async () => {
    const held = await aRunningPrompt();
    await complete(held, { success: false, error: 'Out of quota.' });
    const { job, warning } = await retry(held.machine.owner, held.jobId);
    expect(warning).toBeUndefined();
    expect(job).toMatchObject({ status: 'queued' });
    expect(job).not.toHaveProperty('error');
    expect(job).not.toHaveProperty('machineId');
    const next = await claimAndStart(held.machine);
    await complete(next);
    const story = await show(held.machine.owner, held.jobId);
    expect(story.attempts).toMatchObject([
      {
        attempt: 1,
        outcome: 'failed',
        error: 'Out of quota.',
        leaseId: held.leaseId,
        machineId: held.machine.machineId,
      },
      { attempt: 2, outcome: 'completed', leaseId: next.leaseId, content: 'Three gauges.\n' },
    ]);
  });

  it.each(['completed', 'cancelled'] as const)(
    'of a %s job queues it again without a warning',
    async (status) => {
      const held = await aRunningPrompt();
      if (status === 'completed') await complete(held);
      else await cancel(held.machine.owner, held.jobId);
      const retried = await retry(held.machine.owner, held.jobId);
      expect(retried).toMatchObject({ job: { status: 'queued' } });
      expect(retried.job).not.toHaveProperty('cancel');
      expect((await poll(held.machine)).job?.id).toBe(held.jobId);
    },
  );

  it('of a lost job warns, and the late result of the old lease is refused', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireCron();
    expect((await retry(held.machine.owner, held.jobId)).warning).toContain('twice');
    const { machine, jobId, leaseId } = held;
    const body = { machineId: machine.machineId, leaseId, success: true };
    await refuses(completeJob, 'lease_lost', { as: machine.owner, params: { jobId }, body });
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
  });

  it('of a running job revokes its lease and warns', async () => {
    const held = await aRunningPrompt();
    expect((await retry(held.machine.owner, held.jobId)).warning).toContain('twice');
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
    const next = await claim(held.machine);
    expect(next).toMatchObject({ jobId: held.jobId });
    expect(next.leaseId).not.toBe(held.leaseId);
    expect((await show(held.machine.owner, held.jobId)).attempts).toMatchObject([
      { attempt: 1, outcome: 'revoked' },
      { attempt: 2, leaseId: next.leaseId },
    ]);
  });

  it('reaches an object that had lost its memory', async () => {
    const held = await aRunningPrompt();
    await evict(held.machine);
    await retry(held.machine.owner, held.jobId);
    await evict(held.machine);
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
  });

  it('restores all automatic attempts and extends the expiry', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue', maxAttempts: 1 });
    advance(LEASE_MS);
    await fireCron();
    advance(8 * DAY);
    await retry(held.machine.owner, held.jobId);
    const again = await claimAndStart(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running', attempt: 2 });
    advance(LEASE_MS);
    await fireCron();
    expect(again.jobId).toBe(held.jobId);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({
      status: 'failed',
      failureKind: 'attempts_exhausted',
      attempts: [{ attempt: 1 }, { attempt: 2 }],
    });
  });

  it('of v0.4.4 may carry the lease of the attempt that has ended', async () => {
    const held = await aRunningPrompt();
    await complete(held, { success: false, error: 'Broken.' });
    const body = { machineId: held.machine.machineId, leaseId: held.leaseId, reason: null };
    expect((await retry(held.machine.owner, held.jobId, body)).job.status).toBe('queued');
  });

  it('by two at once queues one attempt', async () => {
    const held = await aRunningPrompt();
    await complete(held, { success: false, error: 'Broken.' });
    const answers = await Promise.all(
      [1, 2].map(() => send(retryJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    expect((await show(held.machine.owner, held.jobId)).attempts).toHaveLength(1);
  });

  it('many times keeps every attempt, and says in the log that it happens often', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let count = 1; count <= 5; count += 1) {
      await complete(await claimAndStart(machine), { success: false, error: `Failure ${count}.` });
      await retry(machine.owner, jobId);
      advance(MINUTE);
    }
    const { attempts } = await show(machine.owner, jobId);
    expect(attempts.map(({ attempt, error }) => [attempt, error])).toEqual(
      [1, 2, 3, 4, 5].map((count) => [count, `Failure ${count}.`]),
    );
  });
});

describe('a retry that names the attempt it saw', () => {
  async function claimedAgain() {
    const held = await aRunningPrompt();
    await complete(held, { success: false, error: 'Out of quota.' });
    const first = await retry(held.machine.owner, held.jobId, { expectedAttempt: 1, leaseId: held.leaseId });
    return { held, first, next: await claimAndStart(held.machine) };
  }

  it('and is sent again after a lost answer takes nothing from the fresh attempt', async () => {
    const { held, first, next } = await claimedAgain();
    expect(first).toMatchObject({ job: { status: 'queued', attempt: 1 } });
    const body = { expectedAttempt: 1, leaseId: held.leaseId };
    const again = await retry(held.machine.owner, held.jobId, body);
    expect(again).toMatchObject({ ok: true, job: { status: 'running', attempt: 2, leaseId: next.leaseId } });
    expect((await beat(next)).lease).toMatchObject({ valid: true });
  });

  it('and is sent again before anybody claimed answers the same', async () => {
    const held = await aRunningPrompt();
    const first = await retry(held.machine.owner, held.jobId, { expectedAttempt: 1 });
    const again = await retry(held.machine.owner, held.jobId, { expectedAttempt: 1 });
    expect(again.job).toEqual(first.job);
    expect([first.warning, again.warning]).toEqual([
      expect.stringContaining('twice'),
      expect.stringContaining('twice'),
    ]);
    expect((await show(held.machine.owner, held.jobId)).events).toHaveLength(1);
  });

  it('and comes twice at once queues one attempt and answers both alike', async () => {
    const held = await aRunningPrompt();
    await complete(held, { success: false, error: 'Broken.' });
    const both = await Promise.all(
      [1, 2].map(() => retry(held.machine.owner, held.jobId, { expectedAttempt: 1 })),
    );
    expect(both[0]?.job).toEqual(both[1]?.job);
    expect((await show(held.machine.owner, held.jobId)).attempts).toHaveLength(1);
  });

  it('is refused when the job has moved on by itself, and changes nothing', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    advance(LEASE_MS);
    await fireCron();
    advance(10 * MINUTE);
    const next = await claimAndStart(held.machine);
    const { error, hint } = await refuses(retryJob, 'record_changed', {
      as: held.machine.owner,
      params: { jobId: held.jobId },
      body: { expectedAttempt: 1 },
    });
    expect(error).toContain('attempt 2');
    expect(hint).toContain('orp job show');
    expect((await beat(next)).lease).toMatchObject({ valid: true });
  });

  it('works for a job that was cancelled before anybody claimed it, once', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const seen = { expectedAttempt: 0 };
    await refuses(retryJob, 'wrong_status', { as: machine.owner, params: { jobId }, body: seen });
    await cancel(machine.owner, jobId);
    await retry(machine.owner, jobId, seen);
    expect((await retry(machine.owner, jobId, seen)).job.status).toBe('queued');
    await claimAndStart(machine);
    expect((await retry(machine.owner, jobId, seen)).job.status).toBe('running');
  });

  it('serves the next retry as well as the first', async () => {
    const { held, next } = await claimedAgain();
    await complete(next, { success: false, error: 'Again.' });
    const { job } = await retry(held.machine.owner, held.jobId, { expectedAttempt: 2 });
    expect(job).toMatchObject({ status: 'queued', attempt: 2 });
  });
});
