/** The inbox: every card appears when somebody is needed, leaves when they are not, and costs the same whatever the history. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { OFFLINE_AFTER_MS } from '../../../spec/job/waiting.ts';
import type { CardKind, InboxCard } from '../../../spec/overview/inbox.ts';
import { CARD_LIMIT } from '../../../spec/overview/inbox.ts';
import { dismissJob, FAILED_SHOWN_MS, readInbox } from '../../../workers/overview/inbox.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, HOUR, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  claim,
  claimAndStart,
  complete,
  giveBack,
  start,
  sync,
} from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';

const inboxOf = (person: Person) => readInbox(deps(), signedIn(person));

async function cardsOf<Kind extends CardKind>(person: Person, kind: Kind) {
  const { cards } = await inboxOf(person);
  return cards.filter((card): card is Extract<InboxCard, { kind: Kind }> => card.kind === kind);
}

async function aLostJob() {
  const held = await aRunningPrompt();
  advance(LEASE_MS);
  await fireAlarm(held.machine);
  return held;
}

async function aFailedJob(machine?: Machine, error = 'The tests do not compile.') {
  const at = machine ?? (await aMachine());
  const jobId = await aPrompt(at);
  const held = await claimAndStart(at);
  await complete(held, { success: false, error, failureKind: 'agent_error' });
  return { machine: at, jobId };
}

describe('a lost job', () => {
  it('is a card that warns before a retry, until its result arrives', async () => {
    const held = await aLostJob();
    const { owner, machineId } = held.machine;
    const [card] = await cardsOf(owner, 'lost_job');
    expect(card).toMatchObject({
      job: { id: held.jobId, title: 'Count the gauges.' },
      machineId,
      at: currentTime(),
      sentence: expect.stringContaining('workbench stopped responding while the agent worked.'),
      next: expect.stringContaining('When workbench returns'),
      actions: [
        {
          verb: 'retry',
          jobId: held.jobId,
          expectedAttempt: 1,
          warning: expect.stringContaining('may run twice'),
        },
        { verb: 'cancel', jobId: held.jobId },
      ],
    });
    await complete(held);
    expect(await cardsOf(owner, 'lost_job')).toEqual([]);
  });

  it('leaves when it is cancelled', async () => {
    const { jobId, machine } = await aLostJob();
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
    expect((await inboxOf(machine.owner)).cards).toEqual([]);
  });
});

describe('a failed job', () => {
  it('is a card with its error and the next step, and leaves when it is retried', async () => {
    const { machine, jobId } = await aFailedJob();
    expect(await cardsOf(machine.owner, 'failed_job')).toMatchObject([
      {
        job: { id: jobId },
        failureKind: 'agent_error',
        sentence: 'The tests do not compile.',
        next: 'Read the end of its transcript, then retry the job.',
        actions: [
          { verb: 'retry', jobId, expectedAttempt: 1 },
          { verb: 'dismiss', jobId },
        ],
      },
    ]);
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    expect(await cardsOf(machine.owner, 'failed_job')).toEqual([]);
  });

  it('leaves when it is dismissed, once, and returns when it fails again', async () => {
    const { machine, jobId } = await aFailedJob();
    const { owner } = machine;
    const dismiss = () => dismissJob(deps(), signedIn(owner), { jobId, source: 'test' });
    const first = await billOf(dismiss);
    expect(first).toMatchObject({ written: 3, value: { ok: true, value: { dismissed: true } } });
    expect(await billOf(dismiss)).toMatchObject({ written: 0, value: { value: { dismissed: false } } });
    expect(await cardsOf(owner, 'failed_job')).toEqual([]);

    advance(MINUTE);
    await accepts(retryJob, { as: owner, params: { jobId }, body: {} });
    const again = await claimAndStart(machine);
    await complete(again, { success: false, error: 'Again.', failureKind: 'agent_error' });
    expect(await cardsOf(owner, 'failed_job')).toMatchObject([{ sentence: 'Again.' }]);
  });

  it('of another account is not shown, and cannot be dismissed', async () => {
    const { machine, jobId } = await aFailedJob();
    const stranger = await aPerson();
    expect((await inboxOf(stranger)).cards).toEqual([]);
    const order = { jobId, source: 'test' };
    expect(await dismissJob(deps(), signedIn(stranger), order)).toMatchObject({
      ok: false,
      refusal: { code: 'not_found' },
    });
    expect(await cardsOf(machine.owner, 'failed_job')).toHaveLength(1);
  });

  it('can only be dismissed while it is failed', async () => {
    const { machine, jobId } = await aRunningPrompt();
    expect(await dismissJob(deps(), signedIn(machine.owner), { jobId, source: 'test' })).toMatchObject({
      refusal: { code: 'wrong_status', message: expect.stringContaining('is running') },
    });
  });

  it('leaves by itself after a week', async () => {
    const { machine } = await aFailedJob();
    advance(FAILED_SHOWN_MS);
    expect(await cardsOf(machine.owner, 'failed_job')).toHaveLength(1);
    advance(1);
    expect(await cardsOf(machine.owner, 'failed_job')).toEqual([]);
  });
});

describe('jobs that wait for a session', () => {
  it('are one card for each session, with the sentence of the job', async () => {
    const machine = await aMachine();
    const running = await aPrompt(machine);
    await claimAndStart(machine);
    advance(MINUTE);
    const [one, two] = [await aPrompt(machine), await aPrompt(machine)];
    const [card, ...others] = await cardsOf(machine.owner, 'waiting_session');
    expect(others).toEqual([]);
    expect(card).toMatchObject({
      code: 'session_busy',
      jobCount: 2,
      sentence: `Session orp-main is busy with job ${running}.`,
      next: 'The next job starts as soon as the session is free.',
    });
    expect(card?.jobs.map(({ id }) => id).sort()).toEqual([one, two].sort());
  });

  it('name a missing one with the command that links it, until it is synced', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { orpSessionId: 'orp-side', sessionFallback: 'none' });
    expect(await cardsOf(machine.owner, 'waiting_session')).toMatchObject([
      { code: 'no_session', sentence: expect.stringContaining('orp link session register'), jobCount: 1 },
    ]);
    await sync(machine, [{ orpSessionId: 'orp-side', codexSessionId: `codex-${machine.machineId}` }]);
    expect(await cardsOf(machine.owner, 'waiting_session')).toEqual([]);
  });
});

describe('a job whose session is open in another program', () => {
  it('is a card until it may be tried again, and the job says when that is', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await giveBack(await claim(machine), { reason: 'session_in_use' });
    const sentence = 'The session is busy: its owner is working in it on workbench.';
    expect(await cardsOf(machine.owner, 'waiting_session')).toMatchObject([
      {
        code: 'session_in_use',
        sentence,
        next: expect.stringContaining('Close the session'),
        jobs: [{ id: jobId }],
      },
    ]);
    expect((await inboxOf(machine.owner)).queued).toMatchObject([
      { waiting: { message: expect.stringContaining(`${sentence} It is retried at `) } },
    ]);
    advance(MINUTE);
    expect(await cardsOf(machine.owner, 'waiting_session')).toEqual([]);
  });

  it('is no card when it was returned for another reason', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await giveBack(await claim(machine), { reason: 'overloaded', retryAfterMs: HOUR });
    expect(await cardsOf(machine.owner, 'waiting_session')).toEqual([]);
  });
});

describe('a silent machine', () => {
  it('is a card only while work depends on it', async () => {
    const machine = await aMachine();
    advance(OFFLINE_AFTER_MS);
    expect(await cardsOf(machine.owner, 'silent_machine')).toEqual([]);
    const since = currentTime() - OFFLINE_AFTER_MS;
    const jobId = await aPrompt(machine);
    expect(await cardsOf(machine.owner, 'silent_machine')).toMatchObject([
      {
        machineId: machine.machineId,
        machineName: 'workbench',
        held: 0,
        queued: 1,
        at: since,
        sentence: expect.stringMatching(
          /^workbench has been silent since .* UTC, with 1 job queued for it\.$/,
        ),
        actions: [{ verb: 'cancel', jobId }],
      },
    ]);
    await claim(machine);
    await accepts(heartbeat, {
      as: machine.owner,
      body: { machineId: machine.machineId, machineName: 'workbench' },
    });
    expect(await cardsOf(machine.owner, 'silent_machine')).toEqual([]);
  });
});

describe('a usage limit', () => {
  it('is a card with the time of its reset, until then', async () => {
    const machine = await aMachine();
    const { owner, machineId } = machine;
    const until = currentTime() + HOUR;
    const condition = {
      code: 'usage_limited' as const,
      message: 'Limit.',
      until: new Date(until).toISOString(),
    };
    await accepts(heartbeat, { as: owner, body: { machineId, machineName: 'workbench', condition } });
    expect(await cardsOf(owner, 'usage_limit')).toMatchObject([{ machineId, resetsAt: until, actions: [] }]);
    advance(HOUR);
    expect(await cardsOf(owner, 'usage_limit')).toEqual([]);
  });
});

describe('the inbox', () => {
  it('of a new account is empty', async () => {
    const { cards, counts, running, queued, hasMore } = await inboxOf(await aPerson());
    expect({ cards, running, queued, hasMore }).toEqual({
      cards: [],
      running: [],
      queued: [],
      hasMore: false,
    });
    expect(counts).toMatchObject({ running: 0, queued: 0, lost_job: 0 });
  });

  it('lists what runs and what is queued, newest first, with the waiting sentence', async () => {
    const machine = await aMachine();
    const running = await aPrompt(machine);
    await start(await claim(machine));
    advance(MINUTE);
    const queued = await aPrompt(machine);
    const inbox = await inboxOf(machine.owner);
    expect(inbox.counts).toMatchObject({ running: 1, queued: 1 });
    expect(inbox.running.map(({ id, promptStart }) => [id, promptStart])).toEqual([
      [running, 'Count the gauges.'],
    ]);
    expect(inbox.queued).toMatchObject([{ id: queued, waiting: { code: 'session_busy' } }]);
  });

  it('shows at most fifty cards and says that there are more', async () => {
    const machine = await aMachine();
    await manyJobs(machine, { count: CARD_LIMIT + 10, status: 'failed' });
    const inbox = await inboxOf(machine.owner);
    expect(inbox.cards).toHaveLength(CARD_LIMIT);
    expect(inbox.hasMore).toBe(true);
    const times = inbox.cards.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((one, other) => other - one));
  });

  it('reads the same few rows whatever the history, in two round trips', async () => {
    const held = await aLostJob();
    await aFailedJob();
    const { machine } = held;
    await aPrompt(machine);
    const before = await billOf(() => inboxOf(machine.owner));
    await manyJobs(machine, { count: 3000, status: 'completed' });
    const after = await billOf(() => inboxOf(machine.owner));
    expect(after).toMatchObject({ trips: 2, written: 0, read: before.read });
    expect(after.read).toBeLessThanOrEqual(60);
  });

  it('reads a bounded number of live and failed jobs', async () => {
    const machine = await aMachine();
    await manyJobs(machine, { count: 2000, status: 'failed' });
    await manyJobs(machine, { count: 2000, status: 'queued' });
    const { read, value } = await billOf(() => inboxOf(machine.owner));
    expect(value.hasMore).toBe(true);
    expect(read).toBeLessThanOrEqual(800);
  });
});

/** Rows as they are after a year, written at once. */
async function manyJobs(
  { owner, ideaId }: Machine,
  { count, status }: { count: number; status: 'failed' | 'completed' | 'queued' },
): Promise<void> {
  const now = currentTime();
  const ended = status === 'queued' ? null : now - DAY;
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, idea_id, attempt, error, prompt)
     SELECT ?, 'job_' || ? || printf('%06d', i) || 'x', 'session.prompt', ?, ?, coalesce(? + i, ?), ?, ?, ?,
       'hold', 3, 'primary', ?, 1, 'It failed.', 'Count.' FROM n`,
  )
    .bind(count, owner.userId, status, status, now - DAY, ended, now, ended, now - DAY, now + DAY, ideaId)
    .run();
}
