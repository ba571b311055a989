/** Who gets which job: routing, order, exclusivity, and answers that were lost. */

import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { pollJob, syncMachine } from '../../../spec/contract/runner.ts';
import { LEASE_MS, REDELIVER_AFTER_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  aReview,
  beat,
  claim,
  claimAndStart,
  complete,
  poll,
  show,
  start,
  sync,
  syncBody,
} from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

describe('a poll', () => {
  it('hands out the prompt with its session, its lease and why this session', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { timeoutSeconds: 60 });
    const polled = await poll(machine);
    expect(polled).toMatchObject({
      ok: true,
      leaseExpiresAt: new Date(currentTime() + LEASE_MS).toISOString(),
      job: {
        id: jobId,
        kind: 'session.prompt',
        ideaId: machine.ideaId,
        attempt: 1,
        timeoutSeconds: 60,
        onLeaseLoss: 'hold',
        createdBy: machine.owner.email,
        payload: {
          prompt: 'Count the gauges.',
          ideaId: machine.ideaId,
          projectRoot: machine.projectRoot,
          orpSessionId: 'orp-main',
          codexSessionId: `codex-${machine.machineId}`,
        },
        selection: { source: 'primary_session' },
      },
    });
    expect(await show(machine.owner, jobId)).toMatchObject({
      status: 'dispatched',
      attempt: 1,
      machineId: machine.machineId,
      leaseId: polled.leaseId,
      sessionSource: 'primary_session',
      waiting: { code: 'starting' },
    });
  });

  it('with nothing to do answers job null, and nothing that could be read as a job', async () => {
    expect(await poll(await aMachine())).toEqual({ ok: true, job: null });
  });

  it('hands out what has the highest priority, then what waits longest', async () => {
    const sessions = Array.from({ length: 4 }, (_, index) => ({
      orpSessionId: `orp-${index}`,
      codexSessionId: `codex-${crypto.randomUUID()}`,
    }));
    const machine = await aMachine({ sessions });
    const queue = async (index: number, priority: number) => {
      advance(1);
      return aPrompt(machine, { priority, orpSessionId: `orp-${index}` });
    };
    const [first, second, third, fourth] = [
      await queue(0, 0),
      await queue(1, 10),
      await queue(2, 0),
      await queue(3, -5),
    ];
    const order: string[] = [];
    for (let count = 0; count < 4; count += 1) order.push((await claim(machine)).jobId);
    expect(order).toEqual([second, first, third, fourth]);
  });

  it('with dryRun shows what would be claimed and claims nothing', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const { written, objectWritten, value } = await billOf(() => poll(machine, { dryRun: '1' }));
    expect(value).toMatchObject({
      dryRun: true,
      job: { id: jobId, payload: { prompt: 'Count the gauges.' } },
    });
    expect(value).not.toHaveProperty('leaseId');
    expect({ written, objectWritten }).toEqual({ written: 0, objectWritten: 0 });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
  });

  it('hands out only jobs for the repositories it names', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const ask = (projectRoot: string[]) =>
      accepts(pollJob, { as: machine.owner, query: { machineId: machine.machineId, projectRoot } });
    expect((await ask(['/somewhere/else'])).job).toBeNull();
    expect((await ask(['/somewhere/else', machine.projectRoot])).job?.id).toBe(jobId);
  });
});

describe('routing', () => {
  it('never hands a job of one idea to the repository of another', async () => {
    const machine = await aMachine();
    const elsewhere = await anIdea(machine.owner, 'Elsewhere');
    const jobId = await aPrompt(machine, { ideaId: elsewhere });
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'no_machine' });
  });

  it('waits for the machine that knows the named session instead of falling back on another', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [far, near] = [
      await aMachine({
        owner,
        ideaId,
        sessions: [{ orpSessionId: 'orp-special', codexSessionId: 'codex-special' }],
      }),
      await aMachine({ owner, ideaId }),
    ];
    const jobId = await aPrompt(near, { orpSessionId: 'orp-special' });
    expect((await poll(near)).job).toBeNull();
    expect((await poll(far)).job).toMatchObject({ id: jobId, selection: { source: 'target_session' } });
  });

  it('falls back to the primary session when no machine has the named one, and gives the reason', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { codexSessionId: 'codex-gone' });
    expect((await poll(machine)).job).toMatchObject({
      id: jobId,
      selection: { source: 'primary_session_fallback', fallbackReason: 'missing_target_session' },
    });
  });

  it('does not fall back when the sender forbids it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { orpSessionId: 'orp-gone', sessionFallback: 'none' });
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({
      code: 'no_session',
      message: expect.stringContaining('orp-gone'),
    });
  });

  it('takes the first routeable session when the primary one is closed', async () => {
    const machine = await aMachine({
      sessions: [
        { orpSessionId: 'orp-main', codexSessionId: 'codex-closed', state: 'closed', primary: true },
        { orpSessionId: 'orp-bare', primary: false },
        { orpSessionId: 'orp-other', codexSessionId: `codex-${crypto.randomUUID()}`, primary: false },
      ],
    });
    await aPrompt(machine);
    expect((await poll(machine)).job).toMatchObject({
      payload: { orpSessionId: 'orp-other' },
      selection: { source: 'first_routeable_session' },
    });
  });

  it('sends a review to the session its world names', async () => {
    const machine = await aMachine();
    const { checkpointId, jobId } = await aReview(machine);
    expect((await poll(machine)).job).toMatchObject({
      id: jobId,
      kind: 'idea.checkpoint',
      checkpointId,
      onLeaseLoss: 'requeue',
      payload: { checkpointId, ideaId: machine.ideaId },
    });
  });

  it('hands out a job that waited for its session as soon as that is synced', async () => {
    const machine = await aMachine({ sessions: [] });
    await aPrompt(machine);
    expect((await poll(machine)).job).toBeNull();
    await sync(machine, [{ orpSessionId: 'orp-new', codexSessionId: `codex-${crypto.randomUUID()}` }]);
    expect((await poll(machine)).job).not.toBeNull();
  });
});

describe('two who want the same', () => {
  it('machines: one gets the job, the other costs no written row', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const one = await aMachine({ owner, ideaId });
    const machines = [one, await aMachine({ owner, ideaId })];
    await aPrompt(one);
    const { value, written } = await billOf(() => Promise.all(machines.map((machine) => poll(machine))));
    expect(value.filter((polled) => polled.job !== null)).toHaveLength(1);
    expect(written).toBe(2);
  });

  it('polls of one machine: one gets the job', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const polls = await Promise.all(Array.from({ length: 5 }, () => poll(machine)));
    expect(polls.filter((polled) => polled.job !== null)).toHaveLength(1);
  });

  it('jobs: an agent session works on one at a time, across machines', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const sessions = [{ orpSessionId: 'orp-shared', codexSessionId: `codex-${crypto.randomUUID()}` }];
    const [one, two] = [
      await aMachine({ owner, ideaId, sessions }),
      await aMachine({ owner, ideaId, sessions }),
    ];
    const first = await aPrompt(one);
    advance(1);
    const second = await aPrompt(one);
    const polls = await Promise.all([poll(one), poll(two)]);
    const claimed = polls.filter((polled) => polled.job !== null);
    expect(claimed.map((polled) => polled.job?.id)).toEqual([first]);
    expect((await show(owner, second)).waiting).toMatchObject({
      code: 'session_busy',
      message: expect.stringContaining(first),
    });

    const holder = polls[0]?.job ? one : two;
    const held = { machine: holder, jobId: first, leaseId: claimed[0]?.leaseId ?? '' };
    await start(held);
    await complete(held);
    expect((await poll(holder)).job?.id).toBe(second);
  });
});

describe('a session that two machines share', () => {
  it.each(['complete', 'cancel', 'retry'] as const)(
    'is free for the other one at once after a %s',
    async (end) => {
      const owner = await aPerson();
      const ideaId = await anIdea(owner);
      const sessions = [{ orpSessionId: 'orp-shared', codexSessionId: `codex-${crypto.randomUUID()}` }];
      const [one, two] = [
        await aMachine({ owner, ideaId, sessions }),
        await aMachine({ owner, ideaId, sessions }),
      ];
      await aPrompt(one, { machineId: one.machineId });
      const held = await claimAndStart(one);
      const next = await aPrompt(two, { machineId: two.machineId });
      expect((await poll(two)).job).toBeNull();
      const params = { jobId: held.jobId };
      if (end === 'complete') await complete(held);
      if (end === 'cancel') await accepts(cancelJob, { as: owner, params, body: {} });
      if (end === 'retry') await accepts(retryJob, { as: owner, params, body: {} });
      expect((await poll(two)).job?.id).toBe(next);
    },
  );
});

describe('a poll answer that was lost', () => {
  it('comes again, with the same lease, for the same claim id', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await aPrompt(machine);
    const claimId = crypto.randomUUID();
    const first = await poll(machine, { claimId });
    const again = await poll(machine, { claimId });
    expect(again.leaseId).toBe(first.leaseId);
    expect(again.job).toEqual(first.job);
  });

  it('comes again without a claim id after 15 s, as long as the job was not started', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const first = await claim(machine);
    advance(REDELIVER_AFTER_MS - 1);
    expect((await poll(machine)).job).toBeNull();
    advance(1);
    const again = await poll(machine);
    expect(again).toMatchObject({ job: { id: jobId, attempt: 1 } });
    expect(Date.parse(again.leaseExpiresAt ?? '')).toBe(currentTime() - REDELIVER_AFTER_MS + LEASE_MS);

    await start({ ...first, leaseId: again.leaseId ?? '' });
    advance(REDELIVER_AFTER_MS);
    expect((await poll(machine)).job).toBeNull();
  });

  it('never comes to another machine', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const [one, two] = [await aMachine({ owner, ideaId }), await aMachine({ owner, ideaId })];
    await aPrompt(one);
    const claimId = crypto.randomUUID();
    await claim(one, { claimId });
    advance(REDELIVER_AFTER_MS);
    expect((await poll(two, { claimId })).job).toBeNull();
  });
});

describe('a machine with nothing to do', () => {
  it('costs no written row and no query while nothing can have changed', async () => {
    const machine = await aMachine();
    await poll(machine);
    advance(SECOND);
    const bill = await billOf(async () => {
      for (let count = 0; count < 10; count += 1) await poll(machine);
    });
    expect(bill).toMatchObject({ trips: 0, written: 0, objectWritten: 0 });
  });

  it('finds at once what was queued after an empty poll', async () => {
    const machine = await aMachine();
    await poll(machine);
    const jobId = await aPrompt(machine);
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('finds a job when its time has come', async () => {
    const machine = await aMachine();
    const notBefore = new Date(currentTime() + 10 * SECOND).toISOString();
    const jobId = await aPrompt(machine, { notBefore });
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'not_yet' });
    advance(10 * SECOND);
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('finds it also when another due job is in the way that it cannot take, and nothing else reminds it', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { orpSessionId: 'orp-unknown', sessionFallback: 'none' });
    const notBefore = new Date(currentTime() + 10 * SECOND).toISOString();
    const jobId = await aPrompt(machine, { notBefore });
    await evict(machine);
    expect((await poll(machine)).job).toBeNull();
    advance(10 * SECOND);
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('looks at the queue again after a minute, even without a wake', async () => {
    const machine = await aMachine();
    await poll(machine);
    advance(MINUTE);
    expect((await billOf(() => poll(machine))).trips).toBeGreaterThan(0);
  });
});

describe('what a machine synced', () => {
  it('costs nothing when it is synced again unchanged', async () => {
    const machine = await aMachine();
    const sessions = [{ orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` }];
    advance(SECOND);
    const { written } = await billOf(() => sync(machine, sessions));
    expect(written).toBe(0);
  });

  it('keeps the repositories that a later sync does not list, unless that one is complete', async () => {
    const machine = await aMachine();
    const other = { ...machine, projectRoot: `${machine.projectRoot}/other` };
    await sync(other, [{ orpSessionId: 'orp-other', codexSessionId: `codex-${crypto.randomUUID()}` }]);
    const jobId = await aPrompt(machine, { projectRoot: machine.projectRoot });
    expect((await poll(machine)).job?.id).toBe(jobId);

    const later = await aPrompt(machine, { projectRoot: machine.projectRoot, codexSessionId: 'codex-x' });
    await accepts(syncMachine, { as: machine.owner, body: { ...syncBody(other, []), complete: true } });
    expect((await show(machine.owner, later)).waiting).toMatchObject({ code: 'no_machine' });
  });

  it('forgets a session that is gone from a listed repository', async () => {
    const machine = await aMachine();
    await sync(machine, []);
    const jobId = await aPrompt(machine);
    expect((await poll(machine)).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'no_session' });
  });

  it('does not hand out a running job whose session is gone', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await sync(machine, []);
    expect((await beat(held)).lease).toMatchObject({ valid: true });
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
  });
});
