/** A job that its holder returns for a time of its own choice, and what such a return leaves for later attempts. */

import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { MAX_RETRY_AFTER_MS } from '../../../spec/job/release.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import {
  aMachine,
  aPrompt,
  claim,
  claimAndStart,
  complete,
  giveBack,
  poll,
  show,
  start,
} from '../harness/machines.ts';

describe('a return that names when the job is tried again', () => {
  it('keeps the job from every machine until then, and the answer and the waiting reason name the time', async () => {
    const machine = await aMachine();
    const other = await aMachine({ owner: machine.owner, ideaId: machine.ideaId });
    const jobId = await aPrompt(machine);
    const held = await claimAndStart(machine);
    const at = currentTime() + 2 * HOUR;
    const answer = await giveBack(held, { reason: 'usage_limited', retryAfterMs: 2 * HOUR });

    expect(answer).toMatchObject({ job: { status: 'queued' }, retryAt: new Date(at).toISOString() });
    const minute = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({
      code: 'not_yet',
      message: `The agent's account has reached its usage limit. It is retried at ${minute} UTC.`,
    });
    advance(2 * HOUR - SECOND);
    expect([(await poll(machine)).job, (await poll(other)).job]).toEqual([null, null]);
    advance(SECOND);
    expect((await claim(machine)).jobId).toBe(jobId);
  });

  it('changes nothing when it is repeated, and still names the time', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claimAndStart(machine);
    const first = await giveBack(held, { reason: 'usage_limited', retryAfterMs: HOUR });
    advance(MINUTE);
    const again = () => giveBack(held, { reason: 'usage_limited', retryAfterMs: SECOND });
    expect(await billOf(again)).toMatchObject({ written: 0 });
    expect(await again()).toEqual(first);
    advance(HOUR - MINUTE);
    const { job } = await poll(machine);
    expect(job).toMatchObject({ id: jobId, usageWaits: 1 });
  });

  it('names no time when the job may be claimed again at once', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    expect((await giveBack(await claim(machine))).retryAt).toBeUndefined();
  });

  it('does not outlive the expiry of the job, and the waiting reason says so', async () => {
    const machine = await aMachine();
    const expiresAt = new Date(currentTime() + HOUR).toISOString();
    const jobId = await aPrompt(machine, { expiresAt });
    const answer = await giveBack(await claim(machine), { reason: 'usage_limited', retryAfterMs: 2 * HOUR });
    expect(answer.retryAt).toBe(expiresAt);
    const { waiting } = await show(machine.owner, jobId);
    expect(waiting?.message).toMatch(/ It expires at 2.* UTC, before it can be retried\.$/);
  });

  it('accepts the longest time', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { expiresAt: new Date(currentTime() + 60 * DAY).toISOString() });
    const at = new Date(currentTime() + MAX_RETRY_AFTER_MS).toISOString();
    const answer = await giveBack(await claim(machine), {
      reason: 'overloaded',
      retryAfterMs: MAX_RETRY_AFTER_MS,
    });
    expect(answer.retryAt).toBe(at);
  });

  it('leaves a job that a person can cancel', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await giveBack(await claimAndStart(machine), { reason: 'usage_limited', retryAfterMs: HOUR });
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'cancelled' });
    advance(HOUR);
    expect((await poll(machine)).job).toBeNull();
  });
});

describe('how often a job waited for a usage limit', () => {
  it('is part of its next claim, until a person retries it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const first = await poll(machine);
    expect(first.job).not.toHaveProperty('usageWaits');
    const held = { machine, jobId, leaseId: first.leaseId ?? '' };
    await giveBack(held, { reason: 'usage_limited', retryAfterMs: HOUR });
    advance(HOUR);
    const second = await poll(machine);
    expect(second.job).toMatchObject({ usageWaits: 1 });
    const again = { ...held, leaseId: second.leaseId ?? '' };
    await start(again);
    await complete(again, { success: false, error: 'Limited.', failureKind: 'usage_limited' });
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    const third = await poll(machine);
    expect(third.job).toMatchObject({ id: jobId });
    expect(third.job).not.toHaveProperty('usageWaits');
  });

  it('does not count a return without a time, or for another reason', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await giveBack(await claim(machine), { reason: 'usage_limited' });
    await giveBack(await claim(machine), { reason: 'overloaded', retryAfterMs: 0 });
    expect((await poll(machine)).job).not.toHaveProperty('usageWaits');
  });
});

describe('what a usage limit does to a job', () => {
  it('is in its claim, together with its expiry', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const { expiresAt } = await show(machine.owner, jobId);
    expect((await poll(machine)).job).toMatchObject({ onUsageLimit: 'wait', expiresAt });
  });

  it('is shown when it is not the default', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { onUsageLimit: 'fail' });
    expect(await show(machine.owner, jobId)).toMatchObject({ onUsageLimit: 'fail' });
    expect((await poll(machine)).job).toMatchObject({ onUsageLimit: 'fail' });
    const plain = await aPrompt(machine);
    expect(await show(machine.owner, plain)).not.toHaveProperty('onUsageLimit');
  });
});
