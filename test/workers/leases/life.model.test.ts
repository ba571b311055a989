/**
 * Random sequences of everything that may happen, by several machines, a person and an operator, with alarm and cron on or
 * off and objects that lose their memory, against the real D1 and the real objects: after every step they agree with a
 * small model. On a failure fast-check prints the seed and the shortest sequence; put them into REPLAY to see it again.
 */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cancelJob, readTranscript } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { isTerminal } from '../../../spec/job/status.ts';
import { accepts } from '../harness/call.ts';
import { currentTime, DAY } from '../harness/clock.ts';
import { aMachine, anIdea, sync } from '../harness/machines.ts';
import { fireAlarm, fireCron } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';
import type { Real } from '../model/agreement.ts';
import { agree, tick } from '../model/agreement.ts';
import { sessionsOf } from '../model/people.ts';
import type { Model } from '../model/queue-model.ts';
import * as queue from '../model/queue-model.ts';
import { STEPS } from '../model/steps.ts';

const RUNS = 40;
const STEPS_A_RUN = 150;
/** Looking for a shorter sequence ends after this; the best one found is shown. */
const SHRINKING_LIMIT_MS = 180_000;
const REPLAY: { seed?: number; path?: string } = {};

async function begin(layers: Model['layers']): Promise<{ model: Model; real: Real }> {
  const owner = await aPerson();
  const ideaId = await anIdea(owner);
  const model: Model = { now: currentTime(), jobs: [], projects: [], leases: [], layers };
  const machines: Real['machines'] = [];
  for (let count = 0; count < 3; count += 1) {
    const machine = await aMachine({ owner, ideaId, sessions: [] });
    const sessions = sessionsOf(machine.machineId, 'both');
    await sync(machine, sessions);
    machines.push(machine);
    model.projects.push({
      machineId: machine.machineId,
      projectRoot: machine.projectRoot,
      ideaId,
      sessions: sessions.map((session) => ({ ...session, label: session.orpSessionId, state: 'active' })),
    });
  }
  return { model, real: { owner, operator: await aPerson({ role: 'operator' }), machines } };
}

/** Nothing is stuck: clocks alone end everything but what is lost, and that a person ends. */
async function bringToAnEnd(model: Model, real: Real): Promise<void> {
  if (model.layers.cron) {
    for (const ms of [LEASE_MS, 8 * DAY, 8 * DAY]) {
      tick(model, ms);
      await fireCron();
      queue.cronRan(model);
      await agree(model, real);
    }
    expect(queue.liveJobs(model).every((job) => job.status === 'lost')).toBe(true);
  } else if (model.layers.alarm) {
    tick(model, LEASE_MS);
    for (const machine of real.machines) {
      if (await fireAlarm(machine)) queue.swept(model, machine.machineId);
    }
    await agree(model, real);
    expect(queue.liveJobs(model).every((job) => job.status === 'lost' || job.status === 'queued')).toBe(true);
  }
  for (const job of queue.liveJobs(model)) {
    await accepts(cancelJob, { as: real.owner, params: { jobId: job.id }, body: {} });
    job.status = 'cancelled';
  }
  await agree(model, real);
  expect(model.jobs.every((job) => isTerminal(job.status))).toBe(true);
}

/** Every line that was accepted stands in the transcript, once, in order. */
async function compareTranscripts(model: Model, { owner }: Real): Promise<void> {
  for (const job of model.jobs.filter(({ lines }) => lines.length > 0)) {
    const query = { limit: 1000 };
    const { entries } = await accepts(readTranscript, { as: owner, params: { jobId: job.id }, query });
    expect(entries.map((entry) => entry.text)).toEqual(job.lines);
  }
}

it('whatever happens, the real queue and the model agree', { timeout: 240_000 }, async () => {
  const layers = fc.record({ alarm: fc.boolean(), cron: fc.boolean() });
  const property = fc.asyncProperty(
    layers,
    fc.commands(STEPS, { maxCommands: STEPS_A_RUN, size: 'max' }),
    async (on, steps) => {
      const { model, real } = await begin(on);
      await fc.asyncModelRun(() => ({ model, real }), steps);
      await compareTranscripts(model, real);
      await bringToAnEnd(model, real);
    },
  );
  await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: SHRINKING_LIMIT_MS, ...REPLAY });
});
