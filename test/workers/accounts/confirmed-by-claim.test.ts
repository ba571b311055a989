/** A claim confirms its token in its own trip to D1. A revoked token claims nothing, as with every other request. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { pollJob } from '../../../spec/contract/runner.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claim, poll, start } from '../harness/machines.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

async function revoke({ owner }: Machine): Promise<void> {
  await env.DB.prepare('UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ?').bind(owner.userId).run();
}

/** A machine with a waiting job, whose token no isolate trusts any more. */
async function aStaleMachine(): Promise<{ machine: Machine; jobId: string }> {
  const machine = await aMachine();
  const jobId = await aPrompt(machine);
  advance(MINUTE);
  return { machine, jobId };
}

const refused = ({ owner, machineId }: Machine) =>
  refuses(pollJob, 'unauthenticated', { as: owner, query: { machineId } });

describe('a claim with a token that D1 has not confirmed lately', () => {
  it('takes a job in the two trips of every claim, and the token counts as confirmed', async () => {
    const { machine } = await aStaleMachine();
    const claimed = await billOf(() => claim(machine));
    expect(claimed.trips).toBe(2);
    expect((await billOf(() => start(claimed.value))).trips).toBe(1);
  });

  it('is refused if the token was revoked, and the job stays in the queue', async () => {
    const { machine, jobId } = await aStaleMachine();
    await revoke(machine);
    await refused(machine);
    const row = await env.DB.prepare('SELECT status FROM jobs WHERE id = ?').bind(jobId).first();
    expect(row).toEqual({ status: 'queued' });
    await refused(machine);
  });

  it('is refused even if the object has looked ahead for the channel of this token', async () => {
    const machine = await aMachine();
    await poll(machine);
    const socket = await listenOverWs(machine);
    advance(MINUTE);
    await revoke(machine);
    // Another device of the owner queues a job, and the object looks ahead.
    await env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`).wake();
    expect((await socket.next()).event).toBe('job.available');
    await refused(machine);
  });

  it('is refused where the object knows that nothing is queued, and accepted after one trip', async () => {
    const machine = await aMachine();
    await poll(machine);
    advance(MINUTE / 2 + 1);
    const { trips, value } = await billOf(() => poll(machine));
    expect({ trips, job: value.job }).toEqual({ trips: 1, job: null });
    await poll(machine);
    advance(MINUTE);
    await poll(machine);
    await revoke(machine);
    advance(MINUTE / 2 + 1);
    await refused(machine);
  });
});

describe('a dry run with such a token', () => {
  it('is refused, too', async () => {
    const { machine } = await aStaleMachine();
    const { owner, machineId } = machine;
    const query = { machineId, dryRun: '1' as const };
    expect((await accepts(pollJob, { as: owner, query })).job).not.toBeNull();
    advance(MINUTE);
    await revoke(machine);
    await refuses(pollJob, 'unauthenticated', { as: owner, query });
  });
});
