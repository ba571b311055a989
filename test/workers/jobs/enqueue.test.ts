/** Putting jobs into the queue, and finding them again. */

import { describe, expect, it } from 'vitest';
import type { BodyInput, QueryInput } from '../../../spec/contract/endpoint.ts';
import { enqueueJob, listJobs } from '../../../spec/contract/jobs.ts';
import { IDEMPOTENCY_MS, MAX_PROMPT_BYTES } from '../../../spec/job/kinds.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, DAY, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart, complete, poll, show } from '../harness/machines.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';

type Order = BodyInput<typeof enqueueJob>;

function isoIn(ms: number): string {
  return new Date(currentTime() + ms).toISOString();
}

function enqueue({ owner }: Machine, body: Order, key?: string) {
  return accepts(enqueueJob, { as: owner, body, ...(key ? { headers: { 'Idempotency-Key': key } } : {}) });
}

describe('an order', () => {
  it('is queued with defaults for what its sender omitted, and has a waiting reason', async () => {
    const machine = await aMachine();
    const { job, created } = await enqueue(machine, { prompt: 'Count.', ideaId: machine.ideaId });
    expect(created).toBe(true);
    expect(job).toEqual({
      id: expect.stringMatching(/^job_[0-9a-z]{22}$/),
      kind: 'session.prompt',
      status: 'queued',
      ideaId: machine.ideaId,
      priority: 0,
      attempt: 0,
      maxAttempts: 3,
      onLeaseLoss: 'hold',
      sessionFallback: 'primary',
      target: {},
      createdAt: isoIn(0),
      createdBy: machine.owner.email,
      expiresAt: isoIn(7 * DAY),
      updatedAt: isoIn(0),
      waiting: { code: 'next_poll', message: expect.stringContaining('workbench'), since: isoIn(0) },
    });
  });

  it('keeps every option', async () => {
    const machine = await aMachine();
    const options = {
      priority: -7,
      notBefore: isoIn(HOUR),
      expiresAt: isoIn(2 * HOUR),
      onLeaseLoss: 'requeue',
      maxAttempts: 5,
      timeoutSeconds: 90,
      sessionFallback: 'none',
    } as const;
    const target = {
      machineId: machine.machineId,
      projectRoot: machine.projectRoot,
      orpSessionId: 'orp-main',
      codexSessionId: `codex-${machine.machineId}`,
    };
    const { job } = await enqueue(machine, { prompt: 'Count.', ...options, ...target });
    expect(job).toMatchObject({ ...options, target, waiting: { code: 'not_yet' } });
  });

  it.each([
    { priorty: 3 },
    { prompt: '' },
    { prompt: ' \n ' },
    { prompt: 7 },
    { kind: 'idea.checkpoint' },
    { priority: 101 },
    { priority: 0.5 },
    { notBefore: 'tomorrow' },
    { notBefore: '2036-07-18' },
    { expiresAt: '2001-01-01T00:00:00Z' },
    { notBefore: '2036-08-18T00:00:00Z', expiresAt: '2036-08-17T00:00:00Z' },
    { expiresAt: '2040-01-01T00:00:00Z' },
    { onLeaseLoss: 'ignore' },
    { maxAttempts: 0 },
    { maxAttempts: 21 },
    { timeoutSeconds: 0 },
    { sessionFallback: 'any' },
    { machineId: '../etc' },
    { orpSessionId: '' },
  ])('with %j is refused with the name of the field', async (wrong) => {
    const machine = await aMachine();
    const body = { prompt: 'Count.', ideaId: machine.ideaId, ...wrong } as Order;
    const refusal = await refuses(enqueueJob, 'invalid_input', { as: machine.owner, body });
    expect(refusal.error).toMatch(new RegExp(`^(${Object.keys(wrong).join('|')})\\b`));
    expect((await accepts(listJobs, { as: machine.owner, query: {} })).jobs).toEqual([]);
  });

  it('with a text above its bound is refused with 413, the name of the field and the bound', async () => {
    const { owner: as } = await aMachine();
    const body = { prompt: 'Count.', projectRoot: 'x'.repeat(5000) };
    const refusal = await refuses(enqueueJob, 'body_too_large', { as, body });
    expect(refusal.error).toBe('projectRoot: may have at most 4096 characters.');
    expect((await accepts(listJobs, { as, query: {} })).jobs).toEqual([]);
  });

  it('measures its prompt in bytes', async () => {
    const machine = await aMachine();
    const fits = 'ü'.repeat(MAX_PROMPT_BYTES / 2);
    const { job } = await enqueue(machine, { prompt: fits });
    expect((await show(machine.owner, job.id)).prompt).toBe(fits);
    const answer = await send(enqueueJob, { as: machine.owner, body: { prompt: `${fits}!` } });
    expect(answer.status).toBe(413);
  });

  it('that names a session that was never synced names the session that will answer, and that session does', async () => {
    const machine = await aMachine();
    const { job } = await enqueue(machine, { prompt: 'Count.', orpSessionId: 'nope' });
    const note =
      'No synced session is called nope; orp-main will answer. Use --session-fallback none to wait for it.';
    expect(job.waiting?.note).toBe(note);
    expect((await show(machine.owner, job.id)).waiting?.note).toBe(note);
    expect((await poll(machine)).job?.payload.orpSessionId).toBe('orp-main');
    expect((await show(machine.owner, job.id)).waiting?.note).toBeUndefined();
  });

  it('that names a repository that was never synced says that it waits for it', async () => {
    const machine = await aMachine();
    const { job } = await enqueue(machine, { prompt: 'Count.', projectRoot: '/srv/nope' });
    expect(job.waiting).toMatchObject({ code: 'no_machine', message: expect.stringContaining('/srv/nope') });
    expect((await poll(machine)).job).toBeNull();
  });

  it('may name a session that is synced later', async () => {
    const machine = await aMachine();
    const { job } = await enqueue(machine, {
      prompt: 'Count.',
      codexSessionId: 'codex-later',
      sessionFallback: 'none',
    });
    expect(job.waiting?.code).toBe('no_session');
  });
});

describe('an Idempotency-Key', () => {
  it('returns the same job for the same order, whatever happened to the job', async () => {
    const machine = await aMachine();
    const order = { prompt: 'Count.', ideaId: machine.ideaId };
    const first = await enqueue(machine, order, 'key-1');
    const { value: again, written } = await billOf(() => enqueue(machine, order, 'key-1'));
    expect(again).toEqual({ ...first, created: false });
    expect(written).toBe(0);
    await complete(await claimAndStart(machine));
    expect(await enqueue(machine, order, 'key-1')).toMatchObject({
      created: false,
      job: { status: 'completed' },
    });
    expect((await accepts(listJobs, { as: machine.owner, query: {} })).jobs).toHaveLength(1);
  });

  it('costs a new job no further trip to D1', async () => {
    const machine = await aMachine();
    const without = await billOf(() => enqueue(machine, { prompt: 'Count.' }));
    const { trips } = await billOf(() => enqueue(machine, { prompt: 'Count.' }, 'key-1'));
    expect({ trips }).toEqual({ trips: without.trips });
    expect(trips).toBe(1);
  });

  it('brings the same job when both come at once', async () => {
    const machine = await aMachine();
    const order = { prompt: 'Count.', ideaId: machine.ideaId };
    const answers = await Promise.all([1, 2, 3].map(() => enqueue(machine, order, 'key-1')));
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  it('brings the same job when the times of the order have passed', async () => {
    const machine = await aMachine();
    const order = { prompt: 'Count.', ideaId: machine.ideaId, expiresAt: isoIn(MINUTE) };
    const first = await enqueue(machine, order, 'key-1');
    advance(HOUR);
    expect((await enqueue(machine, order, 'key-1')).job.id).toBe(first.job.id);
  });

  it('of one account is not that of another', async () => {
    const [one, two] = [await aMachine(), await aMachine()];
    const first = await enqueue(one, { prompt: 'Count.' }, 'key-1');
    const second = await enqueue(two, { prompt: 'Other.' }, 'key-1');
    expect(second).toMatchObject({ created: true });
    expect(second.job.id).not.toBe(first.job.id);
  });

  it('is free again after 30 days, and the old job stays', async () => {
    const machine = await aMachine();
    const first = await enqueue(machine, { prompt: 'Count.' }, 'key-1');
    advance(IDEMPOTENCY_MS);
    const second = await enqueue(machine, { prompt: 'Another.' }, 'key-1');
    expect(second).toMatchObject({ created: true });
    expect(await show(machine.owner, first.job.id)).toMatchObject({ prompt: 'Count.' });
  });

  it('that cannot be kept is refused', async () => {
    const machine = await aMachine();
    for (const key of ['x'.repeat(129), 'two words', '', '  ']) {
      const { error } = await refuses(enqueueJob, 'invalid_input', {
        as: machine.owner,
        body: { prompt: 'Count.' },
        headers: { 'Idempotency-Key': key },
      });
      expect(error).toContain('Idempotency-Key');
    }
    expect((await accepts(listJobs, { as: machine.owner, query: {} })).jobs).toEqual([]);
  });
});

describe('a list of jobs', () => {
  async function someJobs(): Promise<{ machine: Machine; ids: string[] }> {
    const machine = await aMachine();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      advance(SECOND);
      ids.unshift(await aPrompt(machine));
    }
    return { machine, ids };
  }

  async function idsOf(as: Person, query: QueryInput<typeof listJobs>): Promise<string[]> {
    return (await accepts(listJobs, { as, query })).jobs.map((job) => job.id);
  }

  it('is newest first, a page at a time, each job once', async () => {
    const { machine, ids } = await someJobs();
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages === 0 || cursor !== undefined; pages += 1) {
      const page = await accepts(listJobs, {
        as: machine.owner,
        query: { limit: 2, ...(cursor ? { cursor } : {}) },
      });
      expect(page.hasMore).toBe(page.nextCursor !== undefined);
      seen.push(...page.jobs.map((job) => job.id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(ids);
  });

  it('combines its filters', async () => {
    const { machine, ids } = await someJobs();
    const { owner, machineId, ideaId } = machine;
    const held = await claimAndStart(machine);
    await complete(held);
    const done = ids.at(-1) ?? '';
    const waiting = ids.filter((id) => id !== done);
    expect(held.jobId).toBe(done);
    expect(await idsOf(owner, { status: 'completed' })).toEqual([done]);
    expect(await idsOf(owner, { status: 'live' })).toEqual(waiting);
    expect(await idsOf(owner, { status: 'queued, completed' })).toEqual(ids);
    expect(await idsOf(owner, { machineId })).toEqual([done]);
    expect(await idsOf(owner, { kind: 'idea.checkpoint' })).toEqual([]);
    expect(await idsOf(owner, { ideaId, status: 'live', limit: 1 })).toEqual(waiting.slice(0, 1));
    expect(await idsOf(owner, { ideaId: 'ide_other' })).toEqual([]);
    await refuses(listJobs, 'invalid_input', { as: owner, query: { status: 'stuck' } });
  });

  it('says of each live job why it waits, and never shows answers, nor of prompts more than how they begin', async () => {
    const { machine } = await someJobs();
    const prompt = `${'Count the gauges. '.repeat(40)}THE END`;
    await aPrompt(machine, { prompt, priority: 9 });
    advance(SECOND);
    await complete(await claimAndStart(machine), { content: 'THE ANSWER' });
    const answer = await send(listJobs, { as: machine.owner, query: {} });
    const page = JSON.parse(answer.text) as { jobs: { status: string; waiting?: { code: string } }[] };
    expect(page.jobs.filter((job) => job.status === 'queued').map((job) => job.waiting?.code)).toEqual(
      Array.from({ length: 5 }, () => 'next_poll'),
    );
    expect(answer.text).not.toMatch(/THE END|THE ANSWER/);
  });

  it('holds nothing of anybody else, also for an operator', async () => {
    await someJobs();
    expect(await idsOf(await aPerson(), {})).toEqual([]);
    expect(await idsOf(await aPerson({ role: 'operator' }), {})).toEqual([]);
  });
});
