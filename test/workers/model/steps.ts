/** Everything that may happen: people, machines, holders, and the platform itself. */

import fc from 'fast-check';
import { HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { evict, fireAlarm, fireCron } from '../harness/objects.ts';
import { tick } from './agreement.ts';
import { begin, poll, rush, work } from './claims.ts';
import { beat, deliver, giveBack, say } from './holders.ts';
import { enqueue, link, order } from './people.ts';
import * as queue from './queue-model.ts';
import { at, index, step } from './step.ts';

const wait = fc
  .constantFrom(
    SECOND,
    10 * SECOND,
    20 * SECOND,
    20 * SECOND,
    50 * SECOND,
    61 * SECOND,
    2 * MINUTE,
    6 * MINUTE,
    HOUR,
  )
  .map((ms) => step({ label: `wait(${ms / SECOND} s)`, run: async (model) => tick(model, ms) }));

const alarm = index.map((machine) =>
  step({
    label: `alarm(${machine})`,
    may: (model) => model.layers.alarm,
    async run(model, real) {
      const one = at(real.machines, machine);
      if (await fireAlarm(one)) queue.swept(model, one.machineId);
    },
  }),
);

const cron = fc.constant(
  step({
    label: 'cron',
    may: (model) => model.layers.cron,
    async run(model) {
      await fireCron();
      queue.cronRan(model);
    },
  }),
);

const loseMemory = index.map((machine) =>
  step({
    label: `evict(${machine})`,
    async run(model, real) {
      const one = at(real.machines, machine);
      await evict(one);
      queue.forgotten(model, one.machineId);
    },
  }),
);

function often<T>(count: number, what: T): T[] {
  return Array.from({ length: count }, () => what);
}

/** Each as often as it helps to get into trouble. */
export const STEPS = [
  ...[...often(3, enqueue), order, link],
  ...[...often(2, poll), rush, ...often(3, work), begin],
  ...[...often(3, beat), ...often(2, deliver), say, giveBack],
  ...[...often(3, wait), ...often(2, alarm), ...often(2, cron), loseMemory],
];
