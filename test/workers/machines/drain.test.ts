/** Draining: a machine finishes what it does and claims nothing more, until somebody lets it go on. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, MINUTE, SECOND, takeLog } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, beat, claimAndStart, complete, poll, show } from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';

function drain({ machineId }: Machine, draining: boolean, order: { as: Person; reason?: string }) {
  const { as, reason } = order;
  return accepts(drainMachine, {
    as,
    params: { machineId },
    body: { draining, ...(reason === undefined ? {} : { reason }) },
  });
}

function traces({ machineId }: Machine) {
  return env.DB.prepare('SELECT actor, action, detail FROM audit_log WHERE subject = ? ORDER BY at')
    .bind(machineId)
    .all()
    .then(({ results }) => results);
}

describe('a drained machine', () => {
  it('finishes its job, claims nothing new, and the next job says why and how to end it', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(1);
    const next = await aPrompt(machine);
    const answer = await drain(machine, true, { as: machine.owner, reason: 'new disk' });
    expect(answer).toMatchObject({ machine: { id: machine.machineId, draining: true }, changed: true });
    await complete(held);
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, next)).waiting).toMatchObject({
      code: 'machine_draining',
      message: expect.stringContaining(`orp runner resume --machine-id ${machine.machineId}`),
    });

    await drain(machine, false, { as: machine.owner });
    expect((await poll(machine)).job?.id).toBe(next);
  });

  it('leaves a trace of who ordered it and why, once', async () => {
    const machine = await aMachine();
    const operator = await aPerson({ role: 'operator' });
    await drain(machine, true, { as: operator, reason: 'it misbehaves' });
    advance(SECOND);
    expect(await drain(machine, true, { as: machine.owner })).toMatchObject({ changed: false });
    advance(SECOND);
    await drain(machine, false, { as: machine.owner });
    expect(await traces(machine)).toEqual([
      { actor: operator.userId, action: 'drain', detail: 'it misbehaves' },
      { actor: machine.owner.userId, action: 'resume', detail: null },
    ]);
  });

  it('costs a row and the three of its entry in the audit log, and none when it was so already', async () => {
    const machine = await aMachine();
    expect((await billOf(() => drain(machine, true, { as: machine.owner }))).written).toBe(4);
    expect((await billOf(() => drain(machine, true, { as: machine.owner }))).written).toBe(0);
  });

  it('learns it from its heartbeat, and learns the end also when the notification of its object was lost', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await drain(machine, true, { as: machine.owner });
    expect(await beat(held)).toMatchObject({ drain: true });
    await env.DB.prepare('UPDATE machines SET draining = 0 WHERE id = ?').bind(machine.machineId).run();
    for (let minute = 0; minute < 8; minute += 1) {
      advance(MINUTE);
      await beat(held);
    }
    expect(await beat(held)).not.toHaveProperty('drain');
  });

  it('stays so through a lost memory', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await drain(machine, true, { as: machine.owner });
    await evict(machine);
    expect((await poll(machine)).job).toBeNull();
  });

  it('is logged with ids and without the reason', async () => {
    const machine = await aMachine();
    takeLog();
    await drain(machine, true, { as: machine.owner, reason: 'secret plan' });
    const log = takeLog();
    expect(log).toContainEqual(
      expect.objectContaining({ event: 'machine_draining', machineId: machine.machineId }),
    );
    expect(JSON.stringify(log)).not.toContain('secret plan');
  });
});

describe('the drain route refuses', () => {
  it('unknown and foreign machines with the same answer', async () => {
    const machine = await aMachine();
    const stranger = await aPerson();
    const body = { draining: true };
    const unknown = { machineId: 'mach-unknown' };
    const first = await refuses(drainMachine, 'not_found', { as: machine.owner, params: unknown, body });
    const { machineId } = machine;
    const second = await refuses(drainMachine, 'not_found', { as: stranger, params: { machineId }, body });
    expect(second.error).toBe(first.error.replace('mach-unknown', machineId));
    expect(await traces(machine)).toEqual([]);
  });

  it.each([
    { body: {}, status: 400 },
    { body: { draining: 'yes' }, status: 400 },
    { body: { draining: true, untill: 'noon' }, status: 400 },
    { body: { draining: true, reason: 'x'.repeat(1001) }, status: 413 },
  ])('the body $body with $status', async ({ body, status }) => {
    const { owner: as, machineId } = await aMachine();
    const answer = await send(drainMachine, {
      as,
      params: { machineId },
      body: body as { draining: boolean },
    });
    expect(answer.status).toBe(status);
  });

  it('a caller who is not signed in', async () => {
    const { machineId } = await aMachine();
    expect((await send(drainMachine, { params: { machineId }, body: { draining: true } })).status).toBe(401);
  });
});
