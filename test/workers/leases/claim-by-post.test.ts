/** A claim by POST does what a poll does, and takes as many repositories as a machine may have linked. */

import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { claimReview } from '../../../spec/contract/agent.ts';
import { putWorld } from '../../../spec/contract/ideas.ts';
import { claimJob } from '../../../spec/contract/runner.ts';
import { accepts, send } from '../harness/call.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, aReview, claim, poll, show } from '../harness/machines.ts';

const longPaths = (count: number) =>
  Array.from({ length: count }, (_, at) => `/srv/${'deep/'.repeat(40)}${at}`);

const ask = ({ owner, machineId }: Machine, body: object = {}) =>
  accepts(claimJob, { as: owner, body: { machineId, claimId: crypto.randomUUID(), ...body } });

describe('a claim by POST', () => {
  it('takes a job for one of the repositories it names, and leaves others', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const elsewhere = longPaths(BOUNDS.machineProjects - 1);
    expect((await ask(machine, { projectRoots: elsewhere })).job).toBeNull();
    const claimed = await ask(machine, { projectRoots: [...elsewhere, machine.projectRoot] });
    expect(claimed).toMatchObject({ job: { id: jobId }, leaseId: expect.any(String) });
  });

  it('takes any job of the machine when it names none', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    expect((await ask(machine)).job?.id).toBe(jobId);
  });

  it('brings the same lease for the same claim id, also after a poll', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const claimId = crypto.randomUUID();
    const { leaseId } = await claim(machine, { claimId });
    expect((await ask(machine, { claimId })).leaseId).toBe(leaseId);
  });

  it('claims nothing on a dry run', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    expect(await ask(machine, { dryRun: true })).toMatchObject({ dryRun: true, job: { id: jobId } });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued' });
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('names no more repositories than a machine may have', async () => {
    const { owner, machineId } = await aMachine();
    const projectRoots = longPaths(BOUNDS.machineProjects + 1);
    const body = { machineId, claimId: crypto.randomUUID(), projectRoots };
    expect((await send(claimJob, { as: owner, body })).status).toBe(413);
  });
});

describe('a review claimed by POST', () => {
  it('is not one of the excluded repositories', async () => {
    const machine = await aMachine();
    const { owner, ideaId, projectRoot } = machine;
    const world = { name: 'survey', projectRoot, codexSessionId: `codex-${machine.machineId}` };
    await accepts(putWorld, { as: owner, params: { ideaId }, body: world });
    const { jobId } = await aReview(machine);
    const take = (body: object) =>
      accepts(claimReview, { as: owner, body: { claimId: crypto.randomUUID(), ...body } });
    expect(await take({ notProjectRoots: [...longPaths(100), projectRoot] })).toEqual({});
    expect((await take({ projectRoots: longPaths(100) })).job).toBeUndefined();
    expect((await take({ notProjectRoots: longPaths(100) })).job?.id).toBe(jobId);
  });
});
