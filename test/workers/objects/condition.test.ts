/** A machine whose agent cannot take work says so in its heartbeats, and the jobs that would go to it say why they wait. */

import { describe, expect, it } from 'vitest';
import type { BodyInput } from '../../../spec/contract/endpoint.ts';
import { showMachine } from '../../../spec/contract/machines.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, anIdea, aPrompt, beat, claimAndStart, poll, show } from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

type Condition = NonNullable<BodyInput<typeof heartbeat>['condition']>;

const say = ({ owner, machineId }: Machine, condition?: Condition) =>
  accepts(heartbeat, { as: owner, body: { machineId, machineName: 'workbench', condition } });

const conditionOf = async ({ owner, machineId }: Machine) =>
  (await accepts(showMachine, { as: owner, params: { machineId } })).machine.condition;

const waitingOf = async (machine: Machine, jobId: string) => (await show(machine.owner, jobId)).waiting;

const iso = (at: number) => new Date(at).toISOString();

describe('the condition of a machine', () => {
  it('is what queued jobs wait for, with the time when it is known, until a heartbeat comes without it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const until = currentTime() + HOUR;
    await say(machine, { code: 'usage_limited', message: 'The usage limit is reached', until: iso(until) });
    expect(await waitingOf(machine, jobId)).toEqual({
      code: 'machine_paused',
      message: `workbench has paused. The usage limit is reached. It claims again at ${iso(until).slice(0, 16).replace('T', ' ')} UTC.`,
      since: iso(currentTime()),
    });
    await say(machine);
    expect(await waitingOf(machine, jobId)).toMatchObject({ code: 'next_poll' });
    expect(await conditionOf(machine)).toBeUndefined();
  });

  it('without a time says that the machine tries by itself', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await say(machine, { code: 'signed_out', message: '' });
    expect(await waitingOf(machine, jobId)).toMatchObject({
      message: 'workbench has paused. The agent is signed out. It claims again as soon as it can.',
    });
  });

  it('is over when its time has come', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await say(machine, { code: 'overloaded', message: 'Busy.', until: iso(currentTime() + MINUTE) });
    advance(MINUTE);
    expect(await waitingOf(machine, jobId)).toMatchObject({ code: 'next_poll' });
  });

  it('does not matter to a job that another machine can take', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    const jobId = await aPrompt(one);
    await say(one, { code: 'agent_unavailable', message: 'Codex is not installed.' });
    expect(await waitingOf(one, jobId)).toMatchObject({ code: 'next_poll' });
  });

  it('comes after the reason that the machine is offline', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await say(machine, { code: 'signed_out', message: '' });
    advance(HOUR);
    expect(await waitingOf(machine, jobId)).toMatchObject({ code: 'machine_offline' });
  });

  it('is written when it changes, and only then, also after the object has lost its memory', async () => {
    const machine = await aMachine();
    const limited: Condition = { code: 'usage_limited', message: 'Limit.' };
    await say(machine);
    expect(await billOf(() => say(machine, limited))).toMatchObject({ written: 1 });
    advance(20 * SECOND);
    expect(await billOf(() => say(machine, limited))).toMatchObject({ written: 0 });
    await evict(machine);
    expect(await billOf(() => say(machine, limited))).toMatchObject({ written: 0 });
    expect(await conditionOf(machine)).toMatchObject({ since: iso(currentTime() - 20 * SECOND) });
    expect(await billOf(() => say(machine))).toMatchObject({ written: 1 });
    expect(await billOf(() => say(machine))).toMatchObject({ written: 0 });
  });

  it('may come with the heartbeat of a lease, which it renews', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const { jobId, leaseId } = await claimAndStart(machine);
    const { owner, machineId } = machine;
    const body = { machineId, jobId, leaseId, condition: { code: 'overloaded' as const, message: '' } };
    const { lease } = await accepts(heartbeat, { as: owner, body });
    expect(lease).toMatchObject({ valid: true });
    expect(await conditionOf(machine)).toMatchObject({ code: 'overloaded' });
    await beat({ machine, jobId, leaseId });
    expect(await conditionOf(machine)).toBeUndefined();
  });

  it('changes nothing about what a poll brings: the runner decides', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await say(machine, { code: 'overloaded', message: '' });
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('is one line of at most 300 characters, whatever the runner sends', async () => {
    const machine = await aMachine();
    await say(machine, { code: 'overloaded', message: `a\u001b[2J\nb${'🌊'.repeat(400)}` });
    const message = (await conditionOf(machine))?.message ?? '';
    expect(message).toMatch(/^a \[2J b🌊.*🌊…$/u);
    expect(message.length).toBeLessThanOrEqual(300);
    expect(message.isWellFormed()).toBe(true);
  });
});
