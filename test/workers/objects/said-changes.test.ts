/** Heartbeats that say something new each time write a bounded number of rows, and the last word arrives. */

import { describe, expect, it } from 'vitest';
import { SAID_CHANGES } from '../../../spec/bounds.ts';
import { showMachine } from '../../../spec/contract/machines.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { accepts } from '../harness/call.ts';
import { advance } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine } from '../harness/machines.ts';

const condition = (message: string) => ({ code: 'overloaded' as const, message });

const say = ({ owner, machineId }: Machine, said: { machineName?: string; condition?: object }) =>
  accepts(heartbeat, { as: owner, body: { machineId, ...said } as never });

const shown = async ({ owner, machineId }: Machine) =>
  (await accepts(showMachine, { as: owner, params: { machineId } })).machine;

describe('a machine that says something new in every heartbeat', () => {
  it.each([
    ['name', (turn: number) => ({ machineName: `name ${turn}` })],
    ['condition', (turn: number) => ({ condition: condition(`Busy ${turn}.`) })],
  ])('writes its %s five times, then once in 10 seconds', async (_, said) => {
    const machine = await aMachine();
    await say(machine, {});
    const beats = async (from: number) => {
      for (let turn = from; turn < from + 20; turn += 1) await say(machine, said(turn));
    };
    expect((await billOf(() => beats(0))).written).toBe(SAID_CHANGES.burst);
    advance(SAID_CHANGES.everyMs);
    expect((await billOf(() => beats(20))).written).toBe(1);
    advance(3 * SAID_CHANGES.everyMs);
    expect((await billOf(() => beats(40))).written).toBe(3);
  });

  it('has its last word written by the next heartbeat that may write, though nothing new is said', async () => {
    const machine = await aMachine();
    for (let turn = 0; turn < 8; turn += 1) await say(machine, { condition: condition(`Busy ${turn}.`) });
    expect((await shown(machine)).condition?.message).toBe('Busy 4.');
    advance(SAID_CHANGES.everyMs);
    await say(machine, { condition: condition('Busy 7.') });
    expect((await shown(machine)).condition?.message).toBe('Busy 7.');
  });
});
