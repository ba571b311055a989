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
  claim,
  claimAndStart,
  complete,
  type Machine,
  poll,
  start,
} from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { closeChannels, listenOverSse, listenOverWs } from '../harness/streams.ts';

const ELSEWHERE = 3000;
const BEHIND_BUSY = 1000;
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
    // It reads the queue twice: before and after the job is moved to its lane.
    expectCheap(claimed, 2 * ROWS);
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

  it('a list of live jobs reads a few rows for each that it shows, in the order of their ids', async () => {
    const { owner: as } = near;
    const pages: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 4; page += 1) {
      const query = { status: 'live', limit: 10, ...(cursor === undefined ? {} : { cursor }) };
      const listed = await billOf(() => accepts(listJobs, { as, query }));
      expect(listed.read).toBeLessThanOrEqual(100);
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
