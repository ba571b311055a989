/** A job that more than one repository of a machine could take goes to the one whose session is free. */

import { describe, expect, it } from 'vitest';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { syncMachine } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, anIdea, aPrompt, claimAndStart, poll, show, syncBody } from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';

const sessionOf = (machine: Machine, repository: 'a' | 'b') => `codex-${repository}-${machine.machineId}`;

/** A machine with two repositories, each with a session `main`. */
async function withTwoRepositories(): Promise<Machine> {
  const machine = await aMachine();
  const second = { ...machine, ideaId: await anIdea(machine.owner), projectRoot: `${machine.projectRoot}-b` };
  const [a, b] = [
    syncBody(machine, [{ orpSessionId: 'main', codexSessionId: sessionOf(machine, 'a') }]),
    syncBody(second, [{ orpSessionId: 'main', codexSessionId: sessionOf(machine, 'b') }]),
  ];
  const body = {
    ...a,
    linkedProjects: [...a.linkedProjects, ...b.linkedProjects],
    sessions: [...a.sessions, ...b.sessions],
  };
  await accepts(syncMachine, { as: machine.owner, body });
  return machine;
}

async function aJobForMain({ owner, machineId }: Machine): Promise<string> {
  const body = { prompt: 'Count the gauges.', orpSessionId: 'main', machineId };
  return (await accepts(enqueueJob, { as: owner, body })).job.id;
}

describe('a job with two routes on one machine', () => {
  it('takes the second one while a lost job keeps the session of the first', async () => {
    const machine = await withTwoRepositories();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS + SECOND);
    await fireAlarm(machine);
    expect((await show(machine.owner, held.jobId)).status).toBe('lost');

    const jobId = await aJobForMain(machine);
    const { job } = await poll(machine);
    expect(job).toMatchObject({ id: jobId, payload: { codexSessionId: sessionOf(machine, 'b') } });
  });

  it('takes the second one while another machine works in the session of the first', async () => {
    const machine = await withTwoRepositories();
    const sessions = [{ orpSessionId: 'main', codexSessionId: sessionOf(machine, 'a') }];
    const other = await aMachine({ owner: machine.owner, ideaId: machine.ideaId, sessions });
    await aPrompt(other, { machineId: other.machineId });
    await claimAndStart(other);

    const jobId = await aJobForMain(machine);
    const { job } = await poll(machine);
    expect(job).toMatchObject({ id: jobId, payload: { codexSessionId: sessionOf(machine, 'b') } });
  });
});
