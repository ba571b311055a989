/** Operators order jobs, machines and devices of every account, without a lease; each order is audited once. */

import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listDevices, revokeDevice } from '../../../spec/contract/admin.ts';
import { getMe } from '../../../spec/contract/auth.ts';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, currentTime, MINUTE } from '../harness/clock.ts';
import { aMachine, aRunningPrompt, beat, show } from '../harness/machines.ts';
import { aPerson, aToken, type Person } from '../harness/people.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

async function orders(owner: Person): Promise<{ action: string; actor: string }[]> {
  const found = await env.DB.prepare(
    `SELECT action, actor, subject, detail FROM audit_log WHERE user_id = ? ORDER BY at, action`,
  )
    .bind(owner.userId)
    .all<{ action: string; actor: string }>();
  return found.results;
}

describe('an operator', () => {
  it('requeues a running job of any account without its lease; its runner is told to stop', async () => {
    const held = await aRunningPrompt();
    const { owner } = held.machine;
    const params = { jobId: held.jobId };
    const body = { reason: 'The machine is broken.', expectedAttempt: 1 };
    const retried = await accepts(retryJob, { as: operator, params, body });
    expect(retried).toMatchObject({ job: { status: 'queued' }, warning: expect.stringContaining('twice') });
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
    await accepts(retryJob, { as: operator, params, body });
    expect(await orders(owner)).toEqual([
      { action: 'retry', actor: operator.userId, subject: held.jobId, detail: 'The machine is broken.' },
    ]);
    await refuses(retryJob, 'not_found', { as: await aPerson(), params, body });
  });

  it('cancels a job of any account, once', async () => {
    const { machine, jobId } = await aRunningPrompt();
    const order = { as: operator, params: { jobId }, body: {} };
    await accepts(cancelJob, order);
    await accepts(cancelJob, order);
    expect((await show(machine.owner, jobId)).cancel?.by).toBe(operator.email);
    expect(await orders(machine.owner)).toMatchObject([{ action: 'cancel', actor: operator.userId }]);
  });

  it('drains and resumes a machine of any account, each once', async () => {
    const { owner, machineId } = await aMachine();
    for (const draining of [true, true, false, false]) {
      advance(MINUTE);
      await accepts(drainMachine, { as: operator, params: { machineId }, body: { draining } });
    }
    expect(await orders(owner)).toMatchObject([
      { action: 'drain', actor: operator.userId, subject: machineId },
      { action: 'resume', actor: operator.userId, subject: machineId },
    ]);
  });

  it('revokes a device of any account: its token is refused and its channel closes; other devices stay', async () => {
    const machine = await aMachine();
    const { owner } = machine;
    const accountId = owner.userId;
    const socket = await listenOverWs(machine);
    advance(MINUTE);
    const other = { ...owner, token: await aToken(owner.userId) };
    const { devices } = await accepts(listDevices, { as: operator, params: { accountId } });
    expect(devices).toHaveLength(2);
    expect(JSON.stringify(devices)).not.toContain(owner.token);
    const [, first] = devices;
    const params = { accountId, deviceId: first?.id ?? '' };
    const body = { reason: 'The laptop was stolen.' };
    const revoke = () => accepts(revokeDevice, { as: operator, params, body });
    expect(await revoke()).toMatchObject({ changed: true });
    expect(await revoke()).toMatchObject({ changed: false });

    await refuses(getMe, 'unauthenticated', { as: owner });
    await accepts(getMe, { as: other });
    await socket.closed;
    expect(await orders(owner)).toEqual([
      {
        action: 'device_revoked',
        actor: operator.userId,
        subject: first?.id,
        detail: 'The laptop was stolen.',
      },
    ]);
    const after = await accepts(listDevices, { as: operator, params: { accountId } });
    expect(after.devices.map(({ revokedAt }) => revokedAt)).toEqual([
      undefined,
      new Date(currentTime()).toISOString(),
    ]);
  });

  it('does not revoke a device under the name of another account', async () => {
    const [one, other] = [await aPerson(), await aPerson()];
    const { devices } = await accepts(listDevices, { as: operator, params: { accountId: one.userId } });
    const params = { accountId: other.userId, deviceId: devices[0]?.id ?? '' };
    await refuses(revokeDevice, 'not_found', { as: operator, params, body: {} });
    await accepts(getMe, { as: one });
  });
});

it('a runner of a drained machine learns it with its next heartbeat', async () => {
  const { owner, machineId } = await aMachine();
  await accepts(drainMachine, { as: operator, params: { machineId }, body: { draining: true } });
  const body = { machineId, machineName: 'workbench' };
  expect((await accepts(heartbeat, { as: owner, body })).drain).toBe(true);
});
