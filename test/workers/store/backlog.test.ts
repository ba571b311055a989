/**
 * What a long queue costs those who do not wait in it: each operation reads at most 40 rows, and a poll makes at most three
 * round trips to D1, one after another.
 */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { listJobs } from '../../../spec/contract/jobs.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE, SECOND } from '../harness/clock.ts';
import { type Bill, billOf } from '../harness/d1-meter.ts';
import { limitAccount } from '../harness/limits.ts';
import {
  aMachine,
  aPrompt,
  beat,
  claim,
  claimAndStart,
  complete,
  log,
  type Machine,
  poll,
  show,
  start,
  sync,
} from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { closeChannels, listenOverSse, listenOverWs } from '../harness/streams.ts';

const ELSEWHERE = 3000;
const BEHIND_BUSY = 1000;
const HELD_ELSEWHERE = 200;
const ROWS = 40;
const TRIPS = 3;

let near: Machine;
let busy: Machine;

/** Queues copies of a job, because a thousand requests take too long. One in 32 has an id that the counters sample. */
async function queueMany({ owner, machineId }: Machine, count: number, name: string): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, available_at, expires_at, on_lease_loss,
       max_attempts, session_fallback, target_machine_id, prompt)
     SELECT ?2, 'job_' || ?3 || printf('%013d', i) || iif(i % 32 = 0, '0', 'z'), 'session.prompt', 'queued', ?4, ?4, ?4, ?5,
       'hold', 3, 'primary', ?6, 'Wait.' FROM n`,
  )
    .bind(count, owner.userId, name, currentTime(), currentTime() + DAY, machineId)
    .run();
}

beforeAll(async () => {
  near = await aMachine();
  const { owner } = near;
  busy = await aMachine({ owner });
  const far = await aMachine({ owner });
  await limitAccount(owner, { queuedJobs: 2 * (ELSEWHERE + BEHIND_BUSY) });
  await aPrompt(busy, { machineId: busy.machineId });
  await claimAndStart(busy);
  await queueMany(far, ELSEWHERE, '0f');
  await queueMany(busy, BEHIND_BUSY, '0b');
  // The first poll announces what the runner can do.
  await poll(near);
});

/** Lets the Worker ask for the token now, as it does every 30 s, so that the next request need not. */
async function trustToken(): Promise<void> {
  await accepts(listJobs, { as: near.owner, query: { limit: 1 } });
}

function expectCheap({ read, trips }: Bill, most = ROWS): void {
  expect(read).toBeLessThanOrEqual(most);
  expect(trips).toBeLessThanOrEqual(TRIPS);
}

describe('with thousands of jobs queued for another machine, and behind a busy session', () => {
  it('an enqueue, a claim, a completion and an empty poll read few rows', async () => {
    const { machineId } = near;
    for (const target of [{ machineId }, { ideaId: near.ideaId, projectRoot: near.projectRoot }]) {
      expectCheap(await billOf(() => aPrompt(near, target)));
      const claimed = await billOf(() => claim(near));
      expectCheap(claimed);
      expectCheap(await billOf(() => start(claimed.value)));
      expectCheap(await billOf(() => complete(claimed.value)));
      const empty = await billOf(() => poll(near));
      expect(empty.value.job).toBeNull();
      expectCheap(empty);
    }
  });

  it('a poll of the busy machine reads few rows, also when its object has lost its memory', async () => {
    expectCheap(await billOf(() => aPrompt(busy, { machineId: busy.machineId })));
    const first = await billOf(() => poll(busy));
    expect(first.value.job).toBeNull();
    expectCheap(first);
    await evict(busy);
    expectCheap(await billOf(() => poll(busy)));
  });

  it('a claim of a job that has just become due reads few rows', async () => {
    await aPrompt(near, {
      machineId: near.machineId,
      notBefore: new Date(currentTime() + MINUTE).toISOString(),
    });
    expect((await poll(near)).job).toBeNull();
    advance(MINUTE + SECOND);
    await trustToken();
    const claimed = await billOf(() => claim(near));
    // It also moves the job to its lane.
    expectCheap(claimed, ROWS + 10);
    expect(claimed.trips).toBe(2);
    await start(claimed.value);
    await complete(claimed.value);
  });

  it('a claim of such a job that falls back to another session makes three trips', async () => {
    const { ideaId, projectRoot } = near;
    const notBefore = new Date(currentTime() + MINUTE).toISOString();
    await aPrompt(near, { ideaId, projectRoot, orpSessionId: 'orp-gone', notBefore });
    expect((await poll(near)).job).toBeNull();
    advance(MINUTE + SECOND);
    await trustToken();
    const claimed = await billOf(() => claim(near));
    expectCheap(claimed, ROWS + 10);
    await start(claimed.value);
    await complete(claimed.value);
  });

  it('a list of the newest jobs, and a channel that opens, read few rows', async () => {
    const { owner: as } = near;
    await trustToken();
    expectCheap(await billOf(() => accepts(listJobs, { as })));
    expectCheap(await billOf(() => listenOverWs(near, 'one')));
    expectCheap(await billOf(() => listenOverSse(busy)));
    await closeChannels();
  });

  it('a list of live jobs reads few rows, in the order of their ids', async () => {
    const { owner: as } = near;
    const pages: string[] = [];
    let cursor: string | undefined;
    await trustToken();
    for (let page = 0; page < 4; page += 1) {
      const query = { status: 'live', limit: 10, ...(cursor === undefined ? {} : { cursor }) };
      const listed = await billOf(() => accepts(listJobs, { as, query }));
      expect(listed.read).toBeLessThanOrEqual(ROWS);
      pages.push(...listed.value.jobs.map(({ id }) => id));
      cursor = listed.value.nextCursor;
    }
    const { results } = await env.DB.prepare(
      'SELECT id FROM jobs WHERE user_id = ? AND finished_at IS NULL ORDER BY id DESC LIMIT 40',
    )
      .bind(as.userId)
      .all<{ id: string }>();
    expect(pages).toEqual(results.map(({ id }) => id));
    const running = await billOf(() => accepts(listJobs, { as, query: { status: 'running', limit: 10 } }));
    expect(running.value.jobs).toHaveLength(1);
    expect(running.read).toBeLessThanOrEqual(ROWS);
  });
});

describe('with many jobs that other machines hold', () => {
  beforeAll(async () => {
    const far = await aMachine({ owner: near.owner });
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, available_at, expires_at, on_lease_loss,
         max_attempts, session_fallback, machine_id, lease_id, codex_session_id, lease_expires_at, prompt)
       SELECT ?2, 'job_0h' || printf('%014d', i), 'session.prompt', 'running', ?3, ?3, ?3, ?4, 'hold', 3, 'primary', ?5,
         'lea_' || i, 'codex-' || i, ?4, 'Work.' FROM n`,
    )
      .bind(HELD_ELSEWHERE, near.owner.userId, currentTime(), currentTime() + DAY, far.machineId)
      .run();
  });

  it('an enqueue, a claim, an empty poll, a list and a channel read few rows', async () => {
    await trustToken();
    expectCheap(await billOf(() => aPrompt(near, { machineId: near.machineId })));
    const claimed = await billOf(() => claim(near));
    expectCheap(claimed);
    await start(claimed.value);
    await complete(claimed.value);
    for (const machine of [near, busy]) {
      await evict(machine);
      // The first poll finds out what the machine holds.
      await poll(machine);
      await aPrompt(busy, { machineId: busy.machineId });
      const empty = await billOf(() => poll(machine));
      expect(empty.value.job).toBeNull();
      expectCheap(empty);
    }
    const query = { status: 'live', limit: 10 };
    expectCheap(await billOf(() => accepts(listJobs, { as: near.owner, query })), ROWS + 10);
    expectCheap(await billOf(() => listenOverWs(near, 'held')));
    await closeChannels();
  });

  it('a session that another machine uses counts as busy, and the reason says so', async () => {
    const sessions = [{ orpSessionId: 'main', codexSessionId: 'codex-shared' }];
    const { owner } = near;
    const one = await aMachine({ owner, sessions });
    const other = await aMachine({ owner, sessions });
    await aPrompt(one, { machineId: one.machineId });
    const held = await claimAndStart(one);
    const jobId = await aPrompt(other, { machineId: other.machineId });
    expect((await poll(other)).job).toBeNull();
    expect((await show(owner, jobId)).waiting?.code).toBe('session_busy');
    await complete(held);
    expect((await poll(other)).job?.id).toBe(jobId);
  });

  it('a job comes again whose answer was lost, although the machine has removed its session', async () => {
    const machine = await aMachine({ owner: near.owner });
    await aPrompt(machine, { machineId: machine.machineId });
    const { jobId } = await claim(machine);
    await sync(machine, [{ orpSessionId: 'new', codexSessionId: `new-${machine.machineId}` }]);
    advance(20 * SECOND);
    expect((await poll(machine)).job?.id).toBe(jobId);
    await evict(machine);
    advance(20 * SECOND);
    const again = await claim(machine);
    expect(again.jobId).toBe(jobId);
    await start(again);
    await complete(again);
  });

  it('a lease stays valid whose session the machine removes, also when its object has lost its memory', async () => {
    const machine = await aMachine({ owner: near.owner });
    await aPrompt(machine, { machineId: machine.machineId });
    const held = await claimAndStart(machine);
    await sync(machine, [{ orpSessionId: 'new', codexSessionId: `new-${machine.machineId}` }]);
    await evict(machine);
    await poll(machine);
    expect((await log(held, 1)).ok).toBe(true);
    expect((await beat(held)).lease).toMatchObject({ valid: true });
    await complete(held);
    expect((await show(machine.owner, held.jobId)).status).toBe('completed');
  });
});

describe('a list of live jobs', () => {
  const list = async ({ owner }: Machine, query: object) =>
    (await accepts(listJobs, { as: owner, query: { status: 'live', limit: 3, ...query } })).jobs.map(
      ({ id }) => id,
    );

  it('has an old queue behind many newer jobs that have ended, by page and by filter', async () => {
    const machine = await aMachine();
    const { machineId, ideaId } = machine;
    const old: string[] = [];
    const named = { machineId, ideaId: undefined };
    for (const target of [named, {}, { priority: 1 }, named, {}, named]) {
      advance(1);
      old.push(await aPrompt(machine, target));
    }
    const other = await aMachine({ owner: machine.owner });
    for (let done = 0; done < 12; done += 1) {
      advance(1);
      await aPrompt(other, { machineId: other.machineId });
      await complete(await claimAndStart(other));
    }
    const [first, second, third, fourth, fifth, sixth] = old;
    expect(await list(machine, {})).toEqual([sixth, fifth, fourth]);
    expect(await list(machine, { cursor: fourth })).toEqual([third, second, first]);
    expect(await list(machine, { cursor: third })).toEqual([second, first]);
    expect(await list(machine, { ideaId })).toEqual([fifth, third, second]);
    expect(await list(machine, { limit: 20, ideaId })).toEqual([fifth, third, second]);
    expect(await list(machine, { limit: 20, ideaId: other.ideaId })).toEqual([]);
  });
});
