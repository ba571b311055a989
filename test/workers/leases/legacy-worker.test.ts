/** The compatibility path: reviews for workers without a machine, from the poll to the answer. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import * as contract from '../../../spec/contract/agent.ts';
import { putWorld } from '../../../spec/contract/ideas.ts';
import { cancelJob, readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { BACKOFF_LIMIT_MS, LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses, send, sendRaw } from '../harness/call.ts';
import { advance, HOUR, MINUTE } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, anIdea, aPrompt, aReview, claimAndStart, poll, show } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

/** Only what the path knows: an idea whose world names a repository and a session. No machine has ever synced. */
async function aBoundIdea(world: { projectRoot?: string | null; codexSessionId?: string | null } = {}) {
  const owner = await aPerson();
  const ideaId = await anIdea(owner);
  const projectRoot = `/home/mira/${ideaId}`;
  await accepts(putWorld, {
    as: owner,
    params: { ideaId },
    body: { name: 'survey-repo', projectRoot, codexSessionId: `codex-${ideaId}`, ...world },
  });
  const machine: Machine = { owner, machineId: 'none', ideaId, projectRoot };
  return { owner, ideaId, projectRoot, machine };
}

function pollAgent(
  as: Person,
  query: Parameters<typeof accepts<typeof contract.pollAgent>>[1]['query'] = {},
) {
  return accepts(contract.pollAgent, { as, query });
}

const WORKER = { command: 'codex exec resume', exitCode: 0, stdout: '', stderr: '', ok: true };
const ANSWER =
  '## Previous state\nNothing.\n\n## Current state\nThe grid is ready.\n\n## Review notes\n- Fine.\n';

function answerOf(overrides: object = {}) {
  return { summary: 'The grid is ready.', body: ANSWER, structuredOutput: {}, worker: WORKER, ...overrides };
}

function respond(as: Person, checkpointId: string, overrides: object = {}) {
  return accepts(contract.respondCheckpoint, { as, params: { checkpointId }, body: answerOf(overrides) });
}

function checkpointRow(id: string) {
  return env.DB.prepare(
    'SELECT status, summary, error, structured_output AS sections FROM checkpoints WHERE id = ?',
  )
    .bind(id)
    .first<{ status: string; summary: string; error: string | null; sections: string | null }>();
}

async function taken() {
  const idea = await aBoundIdea();
  const review = await aReview(idea.machine);
  const { leaseId } = await pollAgent(idea.owner);
  return { ...idea, ...review, leaseId };
}

describe('the poll', () => {
  it('answers an empty object when there is nothing to do: v0.4.4 reads any key as a job', async () => {
    const { owner } = await aBoundIdea();
    const answer = await sendRaw({ method: 'GET', path: '/api/cli/agent/jobs/poll', as: owner });
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '{}' });
  });

  it('hands out a review with its repository, its session and its checkpoint', async () => {
    const { owner, machine, ideaId, projectRoot } = await aBoundIdea();
    const { checkpointId, jobId } = await aReview(machine);
    expect(await pollAgent(owner)).toMatchObject({
      job: {
        id: jobId,
        kind: 'idea.checkpoint',
        prompt: expect.stringContaining('Measure the tide.'),
        world: { name: 'survey-repo', projectRoot, codexSessionId: `codex-${ideaId}` },
        checkpoint: { id: checkpointId },
      },
    });
    expect(await show(owner, jobId)).toMatchObject({ status: 'running', attempt: 1, projectRoot });
    expect(await pollAgent(owner)).toEqual({});
  });

  it.each([{ projectRoot: null }, { codexSessionId: null }, { codexSessionId: '--config=evil' }])(
    'leaves a review in the queue whose world is not complete: %j',
    async (world) => {
      const { owner, machine } = await aBoundIdea(world);
      const { jobId } = await aReview(machine);
      expect(await pollAgent(owner)).toEqual({});
      expect(await show(owner, jobId)).toMatchObject({ status: 'queued' });
    },
  );

  it('leaves prompts, and the reviews of other people, alone', async () => {
    const { owner, machine } = await aBoundIdea();
    await aPrompt(machine);
    await aReview((await aBoundIdea()).machine);
    expect(await pollAgent(owner)).toEqual({});
  });

  it.each(['survey-repo', 'SURVEY-REPO', 'codex', 'Codex'])('selects by %s', async (agent) => {
    const { owner, machine } = await aBoundIdea();
    const { jobId } = await aReview(machine);
    expect(await pollAgent(owner, { agent: 'another' })).toEqual({});
    expect((await pollAgent(owner, { agent })).job?.id).toBe(jobId);
  });

  it('takes nothing on a dry run, and only what is wanted otherwise', async () => {
    const { owner, machine, projectRoot } = await aBoundIdea();
    const { jobId } = await aReview(machine);
    expect(await pollAgent(owner, { dryRun: '1' })).toMatchObject({ job: { id: jobId }, dryRun: true });
    expect(await pollAgent(owner, { projectRoot: ['/elsewhere'] })).toEqual({});
    expect(await pollAgent(owner, { notProjectRoot: ['/elsewhere', projectRoot] })).toEqual({});
    expect(await show(owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
    expect((await pollAgent(owner, { projectRoot: [projectRoot] })).job?.id).toBe(jobId);
  });

  it('with the same claim id brings the same job again', async () => {
    const { owner, machine } = await aBoundIdea();
    await aReview(machine);
    const claimId = crypto.randomUUID();
    const first = await pollAgent(owner, { claimId });
    expect(first.job).toBeDefined();
    expect(await pollAgent(owner, { claimId })).toEqual(first);
  });

  async function brokenBeforeTheStart(query: { claimId?: string } = {}) {
    const { owner, machine } = await aBoundIdea();
    const { jobId } = await aReview(machine);
    const fault = {
      before(sql: string) {
        if (/UPDATE jobs SET status = 'running'/.test(sql)) throw new Error('D1_ERROR: Connection lost.');
      },
    };
    const first = await withFault(fault, () => send(contract.pollAgent, { as: owner, query }));
    expect(first.status).toBeGreaterThanOrEqual(500);
    expect(await show(owner, jobId)).toMatchObject({ status: 'dispatched' });
    return { owner, jobId };
  }

  it('with the same claim id starts what it had taken when the database failed', async () => {
    const claimId = crypto.randomUUID();
    const { owner, jobId } = await brokenBeforeTheStart({ claimId });
    expect(await pollAgent(owner, { claimId, dryRun: '1' })).toEqual({});
    const { job, leaseId } = await pollAgent(owner, { claimId });
    expect(job?.id).toBe(jobId);
    expect(await show(owner, jobId)).toMatchObject({ status: 'running', attempt: 1, leaseId });
    advance(HOUR);
    await fireCron();
    expect((await pollAgent(owner, { claimId })).job?.id).toBe(jobId);
  });

  it('that broke off before the start keeps the review for an ordinary lease only', async () => {
    const { owner, jobId } = await brokenBeforeTheStart();
    expect(await pollAgent(owner)).toEqual({});
    advance(LEASE_MS);
    await fireCron();
    expect((await pollAgent(owner)).job?.id).toBe(jobId);
  });

  it('never hands one review to two workers', async () => {
    const { owner, ideaId, projectRoot } = await aBoundIdea();
    const machine = await aMachine({ owner, ideaId, projectRoot });
    await aReview(machine);
    const answers = await Promise.all([pollAgent(owner), pollAgent(owner), poll(machine)]);
    expect(answers.filter((answer) => answer.job)).toHaveLength(1);
  });

  it('skips a session that works for a machine', async () => {
    const { owner, ideaId, projectRoot } = await aBoundIdea();
    const sessions = [{ orpSessionId: 'orp-main', codexSessionId: `codex-${ideaId}` }];
    const machine = await aMachine({ owner, ideaId, projectRoot, sessions });
    await aPrompt(machine);
    await claimAndStart(machine);
    await aReview(machine);
    expect(await pollAgent(owner)).toEqual({});
  });

  it('whose worker stopped responding returns to the queue after two hours', async () => {
    const { owner, jobId } = await taken();
    advance(2 * HOUR - MINUTE);
    await fireCron();
    expect(await show(owner, jobId)).toMatchObject({ status: 'running' });
    advance(MINUTE);
    await fireCron();
    advance(BACKOFF_LIMIT_MS);
    expect((await pollAgent(owner)).job?.id).toBe(jobId);
    expect(await show(owner, jobId)).toMatchObject({ attempts: [{ outcome: 'lost' }, { attempt: 2 }] });
  });
});

describe('the answer', () => {
  it('ends the review with its sections, and its output is in the transcript', async () => {
    const { owner, jobId, checkpointId } = await taken();
    const worker = { ...WORKER, stdout: 'thinking\n\nwriting\n', stderr: 'slow disk\n' };
    const { id } = await respond(owner, checkpointId, { worker });
    expect(id).toMatch(/^rsp_/);
    expect(await show(owner, jobId)).toMatchObject({ status: 'completed', content: ANSWER });
    const row = await checkpointRow(checkpointId);
    expect(row).toMatchObject({ status: 'completed', summary: 'The grid is ready.' });
    expect(JSON.parse(row?.sections ?? '')).toMatchObject({ currentState: 'The grid is ready.' });
    const { entries } = await accepts(readTranscript, { as: owner, params: { jobId } });
    expect(entries.map(({ stream, text }) => [stream, text])).toEqual([
      ['stdout', 'thinking\nwriting\n'],
      ['stderr', 'slow disk\n'],
    ]);
  });

  it('sent again answers the same and adds nothing', async () => {
    const { owner, jobId, checkpointId } = await taken();
    const worker = { ...WORKER, stdout: 'thinking\n' };
    const first = await respond(owner, checkpointId, { worker });
    expect(await respond(owner, checkpointId, { worker })).toEqual(first);
    const { entries } = await accepts(readTranscript, { as: owner, params: { jobId } });
    expect(entries).toHaveLength(1);
  });

  it.each([
    { exitCode: 3, ok: false },
    { exitCode: 0, ok: false },
    { exitCode: 3, ok: true },
  ])('fails the review when the worker says %j', async (end) => {
    const { owner, jobId, checkpointId } = await taken();
    await respond(owner, checkpointId, { worker: { ...WORKER, ...end, stderr: '\nOut of quota.\nmore\n' } });
    expect(await show(owner, jobId)).toMatchObject({ status: 'failed', error: 'Out of quota.' });
    expect(await checkpointRow(checkpointId)).toMatchObject({ status: 'failed', error: 'Out of quota.' });
  });

  it('that is larger than a result may be is cut with a mark', async () => {
    const { owner, jobId, checkpointId } = await taken();
    await respond(owner, checkpointId, { body: 'ä'.repeat(700_000) });
    const { content } = await show(owner, jobId);
    expect(new TextEncoder().encode(content).byteLength).toBeLessThanOrEqual(1024 * 1024);
    expect(content).toMatch(/ä\n\n\(The answer was longer; the rest was cut\.\)\n$/);
  });

  it('frees the session, and a retry goes to the next worker that polls', async () => {
    const { owner, jobId, checkpointId } = await taken();
    await respond(owner, checkpointId);
    await accepts(retryJob, { as: owner, params: { jobId }, body: {} });
    expect((await pollAgent(owner)).job?.id).toBe(jobId);
  });
});

const REFUSALS = {
  respondCheckpoint: {
    not_found: async () => {
      const { checkpointId, owner } = await taken();
      for (const [as, id] of [
        [owner, 'chk_unknown'],
        [await aPerson(), checkpointId],
      ] as const) {
        const call = { as, params: { checkpointId: id }, body: answerOf() };
        await refuses(contract.respondCheckpoint, 'not_found', call);
      }
    },
    wrong_status: async () => {
      const { owner, machine } = await aBoundIdea();
      const { checkpointId, jobId } = await aReview(machine);
      const call = { as: owner, params: { checkpointId }, body: answerOf() };
      await refuses(contract.respondCheckpoint, 'wrong_status', call);
      await pollAgent(owner);
      await accepts(cancelJob, { as: owner, params: { jobId }, body: {} });
      await refuses(contract.respondCheckpoint, 'wrong_status', call);
      expect(await show(owner, jobId)).toMatchObject({ status: 'cancelled' });
    },
    lease_lost: async () => {
      const { owner, checkpointId, leaseId } = await taken();
      advance(2 * HOUR);
      await fireCron();
      advance(BACKOFF_LIMIT_MS);
      await pollAgent(owner);
      const call = { as: owner, params: { checkpointId }, body: answerOf({ leaseId }) };
      await refuses(contract.respondCheckpoint, 'lease_lost', call);
    },
  },
} satisfies Refusals<typeof contract>;

describe('the compatibility path', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());

  it('refuses a caller who is not signed in', async () => {
    expect((await send(contract.pollAgent, {})).status).toBe(401);
    const call = { params: { checkpointId: 'chk_1' }, body: answerOf() };
    expect((await send(contract.respondCheckpoint, call)).status).toBe(401);
  });

  it('cannot be entered by a machine of that name', async () => {
    const { owner } = await aBoundIdea();
    const answer = await sendRaw({
      method: 'GET',
      path: '/api/cli/runner/jobs/poll?machineId=_agent-work',
      as: owner,
    });
    expect(answer.status).toBe(400);
  });
});
