/** A claim by POST is a sign of life, and its answer says whether the machine is drained. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { drainMachine, showMachine } from '../../../spec/contract/machines.ts';
import { claimJob } from '../../../spec/contract/runner.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import { aMachine, aPrompt, type Machine, show } from '../harness/machines.ts';

function claim({ owner, machineId }: Machine) {
  return accepts(claimJob, {
    as: owner,
    body: { machineId, claimId: crypto.randomUUID(), dryRun: false },
  });
}

async function run(statement: D1PreparedStatement): Promise<void> {
  await statement.run();
}

async function lastSeenAt({ owner, machineId }: Machine): Promise<number> {
  const { machine } = await accepts(showMachine, { as: owner, params: { machineId } });
  return Date.parse(machine.lastSeenAt);
}

describe('a claim', () => {
  it('with a job records that the machine is alive, in the trip of the claim', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    advance(HOUR);
    expect((await claim(machine)).job).not.toBeNull();
    expect(await lastSeenAt(machine)).toBe(currentTime());
  });

  it('without a job records it, too, and writes nothing again within five minutes', async () => {
    const machine = await aMachine();
    advance(HOUR);
    await claim(machine);
    await eventually(async () => expect(await lastSeenAt(machine)).toBe(currentTime()));
    advance(2 * MINUTE);
    expect((await billOf(() => claim(machine))).written).toBe(0);
  });

  it('says at once that the machine is drained and that it is not, also where the object asks nothing', async () => {
    const machine = await aMachine();
    expect((await claim(machine)).drain).toBe(false);
    await accepts(drainMachine, {
      as: machine.owner,
      params: { machineId: machine.machineId },
      body: { draining: true },
    });
    expect([(await claim(machine)).drain, (await claim(machine)).drain]).toEqual([true, true]);
    await accepts(drainMachine, {
      as: machine.owner,
      params: { machineId: machine.machineId },
      body: { draining: false },
    });
    expect((await claim(machine)).drain).toBe(false);
  });
});

describe('a machine that is drained between the look and the claim', () => {
  it('gets no job, because the claim itself checks it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const order = env.DB.prepare('UPDATE machines SET draining = 1 WHERE id = ?').bind(machine.machineId);
    const claimed = await withFault(
      { pauseAfterRead: (sql) => (sql.includes('AS targetMachineId') ? run(order) : undefined) },
      () => claim(machine),
    );
    expect(claimed.job).toBeNull();
    expect((await show(machine.owner, jobId)).status).toBe('queued');
  });
});
