/** The holder of a job gives it back: nothing of the attempt remains but the record of why. */

import { describe, expect, it } from 'vitest';
import { cancelJob, readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { releaseJob } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { FREE_RELEASES, REASON_LENGTH, RELEASE_PAUSE_MS } from '../../../spec/job/release.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Held } from '../harness/machines.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  aReview,
  beat,
  claim,
  claimAndStart,
  complete,
  giveBack,
  log,
  poll,
  show,
  start,
} from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

async function refusal(held: Held, code: 'lease_lost' | 'wrong_status' | 'foreign_machine') {
  const { owner, machineId } = held.machine;
  const body = { machineId, leaseId: held.leaseId, reason: 'shutting_down' as const };
  return refuses(releaseJob, code, { as: owner, params: { jobId: held.jobId }, body });
}

describe('a job that its holder returns', () => {
  it.each([
    ['before the start', claim],
    ['after the start', claimAndStart],
  ])('%s is queued again as if it had not been claimed, and its attempt has the reason', async (_, take) => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { onLeaseLoss: 'hold', maxAttempts: 1 });
    const held = await take(machine);
    const answer = await giveBack(held, { reason: 'signed_out', message: 'Run codex login.' });

    expect(answer.job).toEqual({ id: jobId, status: 'queued' });
    const shown = await show(machine.owner, jobId);
    expect(shown).toMatchObject({ status: 'queued', attempt: 0 });
    expect(shown.machineId).toBeUndefined();
    expect(shown.attempts).toEqual([
      expect.objectContaining({
        attempt: 1,
        outcome: 'released',
        leaseId: held.leaseId,
        error: 'The agent is signed out. Run codex login.',
      }),
    ]);

    const again = await claimAndStart(machine);
    expect(again).toMatchObject({ jobId });
    await complete(again);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('keeps its place before jobs that were queued later', async () => {
    const machine = await aMachine();
    const first = await aPrompt(machine);
    const held = await claim(machine);
    advance(SECOND);
    await aPrompt(machine);
    await giveBack(held);
    expect((await claim(machine)).jobId).toBe(first);
  });

  it('is not a start: a prompt under policy hold runs on another machine afterwards', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one, two] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    await aPrompt(one);
    const held = await claimAndStart(one);
    expect((await poll(two)).job).toBeNull();
    await giveBack(held, { reason: 'usage_limited' });
    expect((await claim(two)).jobId).toBe(held.jobId);
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
  });

  it('wakes the machines that can claim it, including the one that returned it', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one, two] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    await aPrompt(one);
    const held = await claim(one);
    expect([(await poll(one)).job, (await poll(two)).job]).toEqual([null, null]);
    await giveBack(held);
    // Both had believed for a minute that nothing is there.
    expect((await poll(two, { dryRun: '1' })).job?.id).toBe(held.jobId);
    expect((await claim(one)).jobId).toBe(held.jobId);
  });

  it('can be returned late, when the lease has expired and the job is lost', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS + SECOND);
    await fireAlarm(machine);
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
    expect((await giveBack(held)).job.status).toBe('queued');
  });

  it('answers a repeat with success, also when another machine holds the job by then', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    await giveBack(held);
    expect((await giveBack(held)).job.status).toBe('queued');
    const again = await claimAndStart(machine);
    expect((await giveBack(held)).job.status).toBe('running');
    expect((await beat(again)).lease).toMatchObject({ valid: true });
    expect((await show(machine.owner, held.jobId)).attempts).toHaveLength(2);
  });

  it('is taken back once when two requests come at the same time', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    const answers = await Promise.all([giveBack(held), giveBack(held)]);
    expect(answers.map(({ job }) => job.status)).toEqual(['queued', 'queued']);
    expect(await show(machine.owner, held.jobId)).toMatchObject({ attempt: 0, attempts: [{ attempt: 1 }] });
  });

  it('cannot be started, completed or logged to under the old lease', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    await giveBack(held);
    await expect(start(held)).rejects.toThrow('lease_lost');
    await expect(complete(held)).rejects.toThrow('lease_lost');
    await expect(log(held, 1)).rejects.toThrow('lease_lost');
  });

  it('is a review that stays queued', async () => {
    const machine = await aMachine();
    const { jobId } = await aReview(machine);
    await giveBack(await claimAndStart(machine));
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
    await complete(await claimAndStart(machine), { content: 'Current state\nReady.' });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed' });
  });

  it('keeps what its agent said in the transcript', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await log(held, 1, "You've hit your usage limit.");
    await giveBack(held, { reason: 'usage_limited' });
    const params = { jobId: held.jobId };
    const { entries } = await accepts(readTranscript, { as: machine.owner, params, query: {} });
    expect(entries.map(({ text }) => text)).toEqual(["You've hit your usage limit."]);
  });

  it('pauses for a minute when it was returned too often in a row', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let times = 0; times < FREE_RELEASES; times += 1) await giveBack(await claim(machine));
    await giveBack(await claim(machine));
    expect((await poll(machine)).job).toBeNull();
    expect(await show(machine.owner, jobId)).toMatchObject({ attempt: 0, waiting: { code: 'not_yet' } });
    advance(RELEASE_PAUSE_MS);
    expect((await claim(machine)).jobId).toBe(jobId);
  });

  it('waits longer each time while its session is open in another program, and shows the reason', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (const pauseMs of [15, 30, 60, 120, 240, 300, 300].map((seconds) => seconds * SECOND)) {
      const held = await claim(machine);
      expect(held.jobId).toBe(jobId);
      await giveBack(held, { reason: 'session_in_use', message: 'Close it there.' });
      const { waiting } = await show(machine.owner, jobId);
      expect(waiting?.message).toMatch(
        /^The session is busy: its owner is working in it on workbench\. Close it there\. It is retried at 2\d{3}-/,
      );
      advance(pauseMs - SECOND);
      expect((await poll(machine)).job).toBeNull();
      advance(SECOND);
    }
    await giveBack(await claim(machine), { reason: 'session_in_use' });
    // What is queued behind it does not wait with it.
    const other = await aPrompt(machine);
    expect((await claim(machine)).jobId).toBe(other);
  });

  it('counts that it waited for a usage limit, until a person orders a retry', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const usageLimit = { reason: 'usage_limited' as const, retryAfterMs: 60 * SECOND };
    const held = await claim(machine);
    await giveBack(held, usageLimit);
    await giveBack(held, usageLimit);
    advance(61 * SECOND);
    const { job, leaseId = '' } = await poll(machine);
    expect(job).toMatchObject({ usageWaits: 1 });
    await start({ machine, jobId, leaseId });
    await complete({ machine, jobId, leaseId }, { success: false, error: 'Limit.' });
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    expect((await poll(machine)).job).not.toHaveProperty('usageWaits');
  });

  it('tells its holder that it does not wait, and shows it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { onUsageLimit: 'fail' });
    expect((await poll(machine)).job).toMatchObject({ onUsageLimit: 'fail' });
    expect(await show(machine.owner, jobId)).toMatchObject({ onUsageLimit: 'fail' });
  });

  it('is offered when its holder says, and sooner when the holder says so again', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    await giveBack(held, { reason: 'session_in_use', retryAfterMs: 3600 * SECOND });
    advance(3599 * SECOND);
    expect((await poll(machine)).job).toBeNull();
    await giveBack(held, { reason: 'session_in_use', retryAfterMs: 0 });
    const again = await claim(machine);
    expect(again.jobId).toBe(jobId);

    // Somebody has claimed it since: what the earlier holder says changes nothing.
    await giveBack(again, { reason: 'session_in_use' });
    await giveBack(held, { reason: 'session_in_use', retryAfterMs: 0 });
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, jobId)).attempt).toBe(0);
  });

  it('is not offered sooner because another machine or another lease says so', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    await giveBack(held, { reason: 'session_in_use' });
    const stranger = { ...held, leaseId: 'lea_other' };
    await expect(giveBack(stranger, { reason: 'session_in_use', retryAfterMs: 0 })).rejects.toThrow();
    expect((await poll(machine)).job).toBeNull();
  });

  it.each([-1, 1.5, 32 * 24 * 3600 * SECOND])(
    'is not returned with a pause of %s ms',
    async (retryAfterMs) => {
      const machine = await aMachine();
      await aPrompt(machine);
      const held = await claim(machine);
      const body = {
        machineId: machine.machineId,
        leaseId: held.leaseId,
        reason: 'session_in_use' as const,
        retryAfterMs,
      };
      const call = { as: machine.owner, params: { jobId: held.jobId }, body };
      expect((await refuses(releaseJob, 'invalid_input', call)).error).toContain('retryAfterMs');
    },
  );

  it('cuts a long message between characters instead of refusing it', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    await giveBack(held, { message: '🌊'.repeat(REASON_LENGTH) });
    const [attempt] = (await show(machine.owner, held.jobId)).attempts;
    expect(attempt?.error).toMatch(/🌊…$/);
    expect(attempt?.error?.isWellFormed()).toBe(true);
  });

  it('writes the archive and the job, and nothing when it is repeated', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    expect(await billOf(() => giveBack(held))).toMatchObject({ written: 3, objectWritten: 0 });
    expect(await billOf(() => giveBack(held))).toMatchObject({ written: 0, objectWritten: 0 });
  });
});

describe('a job cannot be returned', () => {
  it('when a person has cancelled it', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await accepts(cancelJob, { as: machine.owner, params: { jobId: held.jobId }, body: {} });
    await refusal(held, 'wrong_status');
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'cancelled' });
  });

  it('when its result has arrived', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await complete(held);
    await refusal(held, 'wrong_status');
  });

  it('by another machine, or under another lease', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    const other = await aMachine({ owner: machine.owner });
    await refusal({ ...held, machine: other }, 'foreign_machine');
    await refusal({ ...held, leaseId: 'lea_other' }, 'lease_lost');
    expect((await beat(held)).lease).toMatchObject({ valid: true });
  });
});
