/** A new row in the table of kinds is all that the queue needs; a runner that does not announce the kind never gets such a job. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enqueueJob, listJobs } from '../../../spec/contract/jobs.ts';
import { claimJob, pollJob } from '../../../spec/contract/runner.ts';
import { JOB_KINDS, type JobKind, KINDS, type KindRules } from '../../../spec/job/kinds.ts';
import { REDELIVER_AFTER_MS } from '../../../spec/job/lease.ts';
import { accepts, send } from '../harness/call.ts';
import { advance } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import {
  aMachine,
  aPrompt,
  aReview,
  claim,
  complete,
  type Held,
  type Machine,
  poll,
  show,
  start,
} from '../harness/machines.ts';

const table: Record<string, KindRules> = KINDS;
const QUESTION = 'session.question' as JobKind;

beforeAll(() => {
  table[QUESTION] = {
    noun: 'question',
    onLeaseLoss: 'requeue',
    composedBy: 'sender',
    completion: 'answer',
    summary: 'first_line',
  };
});

afterAll(() => {
  delete table[QUESTION];
});

/** The claim of a runner that announces what it knows. */
async function claimKnowing(machine: Machine, kinds: readonly string[]): Promise<Held> {
  const { owner, machineId } = machine;
  const body = { machineId, claimId: crypto.randomUUID(), kinds: [...kinds] };
  const { job, leaseId } = await accepts(claimJob, { as: owner, body });
  if (job === null || leaseId === undefined) throw new Error('the claim brought no job');
  return { machine, jobId: job.id, leaseId };
}

const NEW_RUNNER = [...JOB_KINDS, QUESTION];

describe('a job of a kind that was added to the table', () => {
  it('takes its defaults from the table, and lists show how its prompt begins', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { kind: QUESTION });
    expect(await show(machine.owner, jobId)).toMatchObject({ kind: QUESTION, onLeaseLoss: 'requeue' });
    const { jobs } = await accepts(listJobs, { as: machine.owner, query: { kind: QUESTION } });
    expect(jobs).toMatchObject([{ id: jobId, promptStart: 'Count the gauges.' }]);
  });

  it('is never handed to a runner that announces no kinds, and says which runner is too old', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { kind: QUESTION });
    expect((await poll(machine)).job).toBeNull();
    expect((await poll(machine, { dryRun: '1' })).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({
      code: 'runner_too_old',
      message: `The runner on workbench is too old for jobs of kind ${QUESTION}. Update orp there and restart the runner.`,
    });
  });

  it('does not hold up the jobs behind it that an old runner knows', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { kind: QUESTION, priority: 10 });
    const jobId = await aPrompt(machine);
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('goes at once to a runner that announces the kind, and completes', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { kind: QUESTION });
    expect((await poll(machine)).job).toBeNull();
    const held = await claimKnowing(machine, NEW_RUNNER);
    expect(held.jobId).toBe(jobId);
    await start(held);
    await complete(held, { summary: 'Seven.' });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed', summary: 'Seven.' });
  });

  it('is handed out by the poll route, too, when that announces the kind', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { kind: QUESTION });
    const query = { machineId: machine.machineId, kinds: NEW_RUNNER.join(',') };
    expect((await accepts(pollJob, { as: machine.owner, query })).job?.id).toBe(jobId);
  });

  it('waits for the next poll once the new runner has announced itself, and again for an update after a downgrade', async () => {
    const machine = await aMachine({
      sessions: [{ orpSessionId: 'orp-main', codexSessionId: `codex-${crypto.randomUUID()}` }],
    });
    const { owner, machineId } = machine;
    const ask = (kinds?: string[]) =>
      accepts(claimJob, { as: owner, body: { machineId, claimId: crypto.randomUUID(), kinds } });
    await ask(NEW_RUNNER);
    const jobId = await aPrompt(machine, { kind: QUESTION });
    const code = async () => (await show(owner, jobId)).waiting?.code;
    await eventually(async () => expect(await code()).toBe('next_poll'));
    expect((await ask()).job).toBeNull();
    await eventually(async () => expect(await code()).toBe('runner_too_old'));
  });

  it('that a new runner claimed and never started is not handed to an old runner on the same machine', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { kind: QUESTION });
    await claimKnowing(machine, NEW_RUNNER);
    advance(REDELIVER_AFTER_MS + 1);
    expect((await poll(machine)).job).toBeNull();
    expect((await claimKnowing(machine, NEW_RUNNER)).jobId).toBeDefined();
  });
});

describe('the rule of kinds', () => {
  it('costs a claim no statement, and writes what a runner announces only when it changes', async () => {
    const machine = await aMachine();
    const { owner, machineId } = machine;
    const ask = (kinds?: string[]) =>
      accepts(claimJob, {
        as: owner,
        body: { machineId, claimId: crypto.randomUUID(), kinds, projectRoots: [machine.projectRoot] },
      });
    await ask();
    const silent = await billOf(() => ask());
    await ask([...JOB_KINDS]);
    await eventually(async () => {
      const again = await billOf(() => ask([...JOB_KINDS]));
      expect(again).toMatchObject({ written: silent.written, trips: silent.trips });
    });
  });

  it('refuses a kind that nobody may send, and names those that one may', async () => {
    const machine = await aMachine();
    for (const kind of ['idea.checkpoint', 'session.unheard'] as JobKind[]) {
      const body = { prompt: 'Count.', ideaId: machine.ideaId, kind };
      const answer = await send(enqueueJob, { as: machine.owner, body });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('session.prompt');
    }
  });

  it('writes the response of a checkpoint only for kinds that complete as a review', async () => {
    const machine = await aMachine();
    const { jobId, checkpointId } = await aReview(machine);
    const held = await claim(machine);
    await start(held);
    await complete(held, { content: '## Current state\n\nDone.\n' });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed', checkpointId });
  });
});
