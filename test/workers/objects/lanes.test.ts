/**
 * The queue is divided into lanes: a claim looks at the first job of each. Whatever a lane hides, jobs are claimed in the
 * order of the queue, and none is forgotten.
 */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  claim,
  claimAndStart,
  complete,
  giveBack,
  type Machine,
  poll,
  start,
  sync,
} from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

/** A job with exactly this target. */
async function aJob({ owner }: Machine, body: object): Promise<string> {
  // Ids are ordered by time, to the millisecond.
  advance(1);
  return (await accepts(enqueueJob, { as: owner, body: { prompt: 'Count.', ...body } })).job.id;
}

async function next(machine: Machine): Promise<string | undefined> {
  return (await poll(machine)).job?.id;
}

async function workOff(machine: Machine): Promise<string[]> {
  const done: string[] = [];
  for (let id = await next(machine); id !== undefined; id = await next(machine)) {
    done.push(id);
    const held = { machine, jobId: id, leaseId: await leaseOf(machine, id) };
    await start(held);
    await complete(held);
  }
  return done;
}

async function leaseOf({ owner }: Machine, jobId: string): Promise<string> {
  const row = await env.DB.prepare('SELECT lease_id AS leaseId FROM jobs WHERE user_id = ? AND id = ?')
    .bind(owner.userId, jobId)
    .first<{ leaseId: string }>();
  return row?.leaseId ?? '';
}

/** Every way to name a place that ends at the machine. */
function targetsOf({ machineId, projectRoot, ideaId }: Machine): object[] {
  const codexSessionId = `codex-${machineId}`;
  return [
    {},
    { machineId },
    { projectRoot },
    { ideaId },
    { ideaId, projectRoot },
    { machineId, ideaId, projectRoot },
    { orpSessionId: 'orp-main' },
    { codexSessionId },
    { machineId, codexSessionId, orpSessionId: 'orp-main', sessionFallback: 'none' },
    { orpSessionId: 'orp-main', sessionFallback: 'none' },
    { codexSessionId, sessionFallback: 'none', ideaId },
    { orpSessionId: 'orp-gone', machineId },
    { orpSessionId: 'orp-gone', projectRoot },
    { codexSessionId: 'codex-gone' },
  ];
}

describe('jobs of different lanes', () => {
  it('are claimed by priority, and in the order in which they were queued', async () => {
    const machine = await aMachine();
    const queued: { id: string; priority: number }[] = [];
    for (const priority of [0, 5, -3, 5]) {
      for (const target of targetsOf(machine)) {
        queued.push({ id: await aJob(machine, { ...target, priority }), priority });
      }
    }
    const expected = queued
      .map((job, place) => ({ ...job, place }))
      .sort((a, b) => b.priority - a.priority || a.place - b.place);
    expect(await workOff(machine)).toEqual(expected.map(({ id }) => id));
  });

  it('are not taken by a machine that none of them may go to', async () => {
    const machine = await aMachine();
    const other = await aMachine({ owner: machine.owner });
    const { machineId, projectRoot, ideaId } = machine;
    for (const target of [{ machineId }, { projectRoot }, { ideaId }]) await aJob(machine, target);
    const codexSessionId = `codex-${machineId}`;
    await aJob(machine, { codexSessionId });
    await aJob(machine, { codexSessionId, sessionFallback: 'none' });
    expect(await next(other)).toBeUndefined();
    expect(await workOff(machine)).toHaveLength(5);
  });

  it('that are more than one read takes are all looked at', async () => {
    const machine = await aMachine();
    const { machineId } = machine;
    for (let at = 0; at < 105; at += 1)
      await aJob(machine, {
        machineId,
        orpSessionId: `orp-missing-${at}`,
        sessionFallback: 'none',
        priority: 9,
      });
    const last = await aJob(machine, { machineId });
    expect(await next(machine)).toBe(last);
  }, 60_000);
});

describe('the jobs of one lane', () => {
  it('go one each to machines that poll at once', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const machines = await Promise.all(Array.from({ length: 5 }, () => aMachine({ owner, ideaId })));
    const [first] = machines;
    if (first === undefined) throw new Error('no machine');
    const jobs = [];
    for (let at = 0; at < 5; at += 1) jobs.push(await aPrompt(first));
    const claimed = await Promise.all(machines.map(next));
    expect(claimed.sort()).toEqual(jobs.sort());
  });

  it('do not hide the job of another lane when two machines race for the first of them', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one, two] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    const both = await aPrompt(one, { priority: 5 });
    const low = await aPrompt(one, { priority: 0 });
    const own = [
      await aPrompt(one, { machineId: one.machineId, priority: 3 }),
      await aPrompt(two, { machineId: two.machineId, priority: 3 }),
    ];
    const claimed = await Promise.all([one, two].map(next));
    expect(claimed).toContain(both);
    expect(claimed).not.toContain(low);
    expect(own.filter((id) => claimed.includes(id))).toHaveLength(1);
  });

  it('that expired do not stop the job behind them', async () => {
    const machine = await aMachine();
    const expiresAt = new Date(currentTime() + MINUTE).toISOString();
    for (let at = 0; at < 3; at += 1) await aPrompt(machine, { expiresAt });
    const behind = await aPrompt(machine);
    advance(2 * MINUTE);
    expect(await next(machine)).toBe(behind);
  });
});

describe('a job for later', () => {
  it('takes its place by priority when it is due, and not before', async () => {
    const machine = await aMachine();
    const notBefore = new Date(currentTime() + MINUTE).toISOString();
    const early = await aPrompt(machine, { notBefore, priority: 1 });
    const late = await aPrompt(machine, {
      notBefore: new Date(currentTime() + 2 * MINUTE).toISOString(),
      priority: 9,
    });
    expect(await next(machine)).toBeUndefined();
    const now = await aPrompt(machine, { priority: 5 });
    advance(2 * MINUTE);
    expect(await workOff(machine)).toEqual([late, now, early]);
  });

  it('is found behind more due jobs of a busy session than one poll moves', async () => {
    const machine = await aMachine({
      sessions: [
        { orpSessionId: 'orp-busy', codexSessionId: `busy-${crypto.randomUUID()}` },
        { orpSessionId: 'orp-free', codexSessionId: `free-${crypto.randomUUID()}` },
      ],
    });
    await aPrompt(machine, { orpSessionId: 'orp-busy' });
    await claimAndStart(machine);
    const at = currentTime();
    const notBefore = new Date(at + MINUTE).toISOString();
    for (let count = 0; count < 60; count += 1)
      await aPrompt(machine, { orpSessionId: 'orp-busy', notBefore });
    const free = await aPrompt(machine, {
      orpSessionId: 'orp-free',
      notBefore: new Date(at + MINUTE + 1).toISOString(),
    });
    advance(MINUTE + SECOND);
    expect(await next(machine)).toBeUndefined();
    advance(SECOND);
    expect(await next(machine)).toBe(free);
  }, 60_000);

  it.each(['returned with a pause', 'returned at once', 'reclaimed', 'retried'] as const)(
    'is claimed again after it was %s',
    async (how) => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine, {
        notBefore: new Date(currentTime() + MINUTE).toISOString(),
        onLeaseLoss: 'requeue',
      });
      advance(MINUTE);
      const held = await claim(machine);
      if (how === 'returned with a pause') {
        await giveBack(held, { reason: 'session_in_use', retryAfterMs: 15 * SECOND });
        expect(await next(machine)).toBeUndefined();
        advance(15 * SECOND);
      }
      if (how === 'returned at once') await giveBack(held);
      if (how === 'reclaimed') {
        advance(LEASE_MS);
        await fireAlarm(machine);
      }
      if (how === 'retried') await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
      expect(await next(machine)).toBe(jobId);
    },
  );
});

describe('a sync between enqueue and claim', () => {
  it('changes where the waiting jobs go', async () => {
    const machine = await aMachine();
    const other = await aMachine({ owner: machine.owner });
    const byIdea = await aJob(machine, { ideaId: machine.ideaId });
    const byRoot = await aJob(machine, { projectRoot: machine.projectRoot });
    const bySession = await aJob(machine, {
      codexSessionId: `codex-${machine.machineId}`,
      sessionFallback: 'none',
    });

    // The repository moves to the other machine, with its idea and its session.
    await sync(machine, []);
    await sync({ ...other, ideaId: machine.ideaId, projectRoot: machine.projectRoot }, [
      { orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` },
    ]);
    expect(await next(machine)).toBeUndefined();
    expect(await workOff(other)).toEqual([byIdea, byRoot, bySession]);
  });

  it('that archives the session keeps its jobs waiting until it is back', async () => {
    const machine = await aMachine();
    const session = { orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` };
    const jobId = await aJob(machine, { orpSessionId: 'orp-main', sessionFallback: 'none' });
    await sync(machine, []);
    expect(await next(machine)).toBeUndefined();
    await sync(machine, [session]);
    expect(await next(machine)).toBe(jobId);
  });
});
