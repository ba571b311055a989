/**
 * The object reads the queue when it is woken, while the wake-up travels to the runner. What it has read may be old when the
 * poll arrives, so the claim checks it again.
 */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { cancelJob } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claim, complete, poll, show, start } from '../harness/machines.ts';
import { alarmAt, evict } from '../harness/objects.ts';
import { closeChannels, listenOverWs, type Socket } from '../harness/streams.ts';

afterEach(closeChannels);

const LOOK = /WITH RECURSIVE heads/;
const TAKE = /UPDATE jobs SET[^;]*claim_id/;

/** Counts the looks at the queue while `work` runs. */
async function looksOf<T>(
  work: (looks: readonly string[]) => Promise<T>,
): Promise<{ looks: number; value: T }> {
  const looks: string[] = [];
  const value = await withFault({ after: (sql) => void (LOOK.test(sql) && looks.push(sql)) }, () =>
    work(looks),
  );
  return { looks: looks.length, value };
}

/** An idle machine whose object has hibernated and knows only its channel. */
async function aQuietMachine(): Promise<{ machine: Machine; socket: Socket }> {
  const machine = await aMachine();
  await poll(machine);
  const socket = await listenOverWs(machine);
  await evict(machine);
  return { machine, socket };
}

/** Queues a job, and waits until the object has looked because of it. */
async function wakeWith(
  { machine, socket }: { machine: Machine; socket: Socket },
  options: Parameters<typeof aPrompt>[1] = {},
): Promise<string> {
  const { value } = await looksOf(async (looks) => {
    const jobId = await aPrompt(machine, { machineId: machine.machineId, ...options });
    expect((await socket.next()).event).toBe('job.available');
    await eventually(() => expect(looks).toHaveLength(1));
    return jobId;
  });
  return value;
}

describe('an object that is woken', () => {
  it('has read the queue when the poll arrives: the claim is one trip to D1, and the start another', async () => {
    const quiet = await aQuietMachine();
    const jobId = await wakeWith(quiet);
    const claimed = await billOf(() => claim(quiet.machine));
    expect(claimed.value.jobId).toBe(jobId);
    expect(claimed.trips).toBe(1);
    expect((await billOf(() => start(claimed.value))).trips).toBe(1);
  });

  it('reads nothing ahead while no runner listens, or while the runner has a job', async () => {
    const machine = await aMachine();
    await poll(machine);
    expect((await looksOf(() => aPrompt(machine))).looks).toBe(0);
    await listenOverWs(machine);
    await claim(machine);
    expect((await looksOf(() => aPrompt(machine))).looks).toBe(0);
  });

  it('looks again for the second poll', async () => {
    const quiet = await aQuietMachine();
    await wakeWith(quiet);
    const held = await claim(quiet.machine);
    await start(held);
    await complete(held);
    const next = await aPrompt(quiet.machine);
    expect((await claim(quiet.machine)).jobId).toBe(next);
  });
});

describe('a look that is old when the poll arrives', () => {
  it('misses no job that was queued after it', async () => {
    const quiet = await aQuietMachine();
    const first = await wakeWith(quiet);
    const second = await wakeWith(quiet, { priority: 5 });
    expect((await claim(quiet.machine)).jobId).toBe(second);
    expect(first).not.toBe(second);
  });

  it('hands out no job that was cancelled since, even if the object did not hear of it', async () => {
    const quiet = await aQuietMachine();
    const jobId = await wakeWith(quiet);
    await env.DB.prepare("UPDATE jobs SET status = 'cancelled', finished_at = 1 WHERE id = ?")
      .bind(jobId)
      .run();
    expect((await poll(quiet.machine)).job).toBeNull();
  });

  it('hands out no job after a cancel that the object has heard of', async () => {
    const quiet = await aQuietMachine();
    const jobId = await wakeWith(quiet);
    await accepts(cancelJob, { as: quiet.machine.owner, params: { jobId }, body: {} });
    expect((await poll(quiet.machine)).job).toBeNull();
    expect((await show(quiet.machine.owner, jobId)).status).toBe('cancelled');
  });

  it('is not used after three seconds', async () => {
    const quiet = await aQuietMachine();
    await wakeWith(quiet);
    advance(4 * SECOND);
    const { looks, value } = await looksOf(() => claim(quiet.machine));
    expect(looks).toBe(1);
    expect(value.leaseId).toMatch(/^lea/);
  });
});

describe('a claim', () => {
  it('sets the alarm for its lease while D1 hands out a job that only this machine may take', async () => {
    const quiet = await aQuietMachine();
    await wakeWith(quiet);
    const release = Promise.withResolvers<void>();
    let isHeld = false;
    const hold = (sql: string) => {
      if (!TAKE.test(sql)) return undefined;
      isHeld = true;
      return release.promise;
    };
    await withFault({ hold }, async () => {
      const claiming = claim(quiet.machine);
      await eventually(() => expect(isHeld).toBe(true));
      await eventually(async () =>
        expect(await alarmAt(quiet.machine)).toBeLessThanOrEqual(currentTime() + 2 * LEASE_MS),
      );
      release.resolve();
      await claiming;
    });
  });
});
