import { describe, expect, it } from 'vitest';
import { type MachineKey, machineObjects } from '../../../workers/store/machine-objects.ts';

const MACHINE: MachineKey = { userId: 'usr_1', machineId: 'm-1' };

function objects(answers: (() => Promise<string>)[]) {
  const kept: Promise<void>[] = [];
  const lost: unknown[] = [];
  const asked: string[] = [];
  const stub = (name: string) => ({
    fetch: async () => new Response(null),
    ask: () => {
      asked.push(name);
      return answers[asked.length - 1]?.() ?? Promise.resolve('no answer left');
    },
  });
  const machines = machineObjects(
    { getByName: stub },
    {
      keepAlive: (work) => void kept.push(work),
      onLost: (machine, error) => void lost.push([machine, error]),
    },
  );
  return { machines, kept, lost, asked };
}

describe('a hint to the object of a machine', () => {
  it('goes on after the answer was sent, and nobody has to await it', async () => {
    const { machines, kept, asked, lost } = objects([async () => 'heard']);
    void machines.tell(MACHINE, (stub) => stub.ask());
    expect(kept).toHaveLength(1);
    await Promise.all(kept);
    expect({ asked, lost }).toEqual({ asked: ['usr_1/m-1'], lost: [] });
  });

  it('that is lost is reported once and fails nothing', async () => {
    const failure = new Error('the object is broken');
    const { machines, lost } = objects([() => Promise.reject(failure)]);
    await expect(machines.tell(MACHINE, (stub) => stub.ask())).resolves.toBeUndefined();
    expect(lost).toEqual([[MACHINE, failure]]);
  });

  it('is repeated when the object restarts', async () => {
    const restart = Object.assign(new Error('restarted'), { retryable: true });
    const { machines, asked, lost } = objects([() => Promise.reject(restart), async () => 'heard']);
    await machines.tell(MACHINE, (stub) => stub.ask());
    expect({ times: asked.length, lost }).toEqual({ times: 2, lost: [] });
  });
});

describe('the object of a new machine', () => {
  it.each([
    ['weur', { locationHint: 'weur' }],
    ['', undefined],
    [undefined, undefined],
  ])('is made at the location %s of the deployment', async (location, options) => {
    const asked: unknown[] = [];
    const stub = { fetch: async () => new Response(null) };
    const getByName = (...words: unknown[]) => {
      asked.push(words);
      return stub;
    };
    const hints = { location, keepAlive: () => undefined, onLost: () => undefined };
    await machineObjects({ getByName }, hints).call(MACHINE, async () => undefined);
    expect(asked).toEqual([['usr_1/m-1', options]]);
  });
});
