/** Nobody takes the processor from the others: who has overspent waits, and only who has overspent. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { BESIDE_OTHERS, DELIVERIES, PACE, SIGNS_OF_LIFE, SMALL_DELIVERIES } from '../../../spec/bounds.ts';
import { addIdea, listIdeas } from '../../../spec/contract/ideas.ts';
import { addLogs, completeJob } from '../../../spec/contract/runner.ts';
import type { Cost, PacerClock, Turn } from '../../../workers/accounts/pace.ts';
import { Neighbors, Pacer } from '../../../workers/accounts/pace.ts';
import { accepts, send } from '../harness/call.ts';
import { eventually } from '../harness/eventually.ts';
import { aMachine, aPrompt, beat, claimAndStart, complete, log, show } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

/** Time that passes only when everybody sleeps. */
class Clock implements PacerClock {
  time = 0;
  readonly #sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ at: this.time + ms, wake }));
  }

  /** Lets `ms` pass, with everybody who wakes on the way. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await everybodyHasReacted();
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers[0];
      if (next === undefined || next.at > end) break;
      this.time = next.at;
      const due = this.#sleepers.filter((one) => one.at === next.at);
      this.#sleepers.splice(0, due.length);
      for (const one of due) one.wake();
    }
    this.time = end;
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Who was woken sleeps again, or goes on. A timer for each of thousands of instants would take ten seconds. */
async function everybodyHasReacted(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await undefined;
}

/** A request that moved bytes and read next to nothing. */
const light = (bytes: number): Cost => ({ bytes, heavyBytes: 0 });

async function go(turn: Promise<Turn>): Promise<Extract<Turn, { kind: 'go' }>> {
  const taken = await turn;
  if (taken.kind !== 'go') throw new Error('refused');
  return taken;
}

describe('a turn', () => {
  it('comes at once to an account within its share', async () => {
    const pacer = new Pacer(new Clock());
    for (let count = 0; count < 100; count += 1) (await go(pacer.enter('a'))).done(light(1000));
  });

  it('comes to one that has overspent when its budget is positive again, and to others at once', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    (await go(pacer.enter('a'))).done(light(PACE.burstBytes + PACE.bytesPerSecond));
    let hasCome = false;
    const next = go(pacer.enter('a')).then((turn) => {
      hasCome = true;
      return turn;
    });
    (await go(pacer.enter('b'))).done(light(1000));
    await clock.pass(900);
    expect(hasCome).toBe(false);
    await clock.pass(200);
    expect(hasCome).toBe(true);
    (await next).done(light(0));
  });

  it('is refused with a truthful time when it would not come in time', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    (await go(pacer.enter('a'))).done(light(PACE.burstBytes + 20 * PACE.bytesPerSecond));
    const turn = await pacer.enter('a');
    if (turn.kind !== 'refused') throw new Error('not refused');
    expect(turn.retryAfterMs).toBeGreaterThanOrEqual(20_000);
    await clock.pass(turn.retryAfterMs);
    (await go(pacer.enter('a'))).done(light(0));
  });

  it('is taken by a few requests of an account at a time; more wait, and the rest is refused', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    const turns = Array.from({ length: PACE.underWay }, () => go(pacer.enter('a')));
    const underWay = await Promise.all(turns);
    const waiting = Array.from({ length: PACE.waiting }, () => pacer.enter('a'));
    expect((await pacer.enter('a')).kind).toBe('refused');
    underWay[0]?.done(light(0));
    await clock.pass(100);
    expect((await Promise.race(waiting)).kind).toBe('go');
    await clock.pass(2 * PACE.waitMs);
    expect((await Promise.all(waiting)).filter((turn) => turn.kind === 'go')).toHaveLength(1);
  });

  it('that the platform dropped does not keep its place', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    await Promise.all(Array.from({ length: PACE.underWay }, () => pacer.enter('a')));
    await clock.pass(PACE.forgottenMs + 1);
    (await go(pacer.enter('a'))).done(light(0));
  });
});

describe('beside another account', () => {
  const heavy: Cost = { bytes: 0, heavyBytes: BESIDE_OTHERS.freeBytes + BESIDE_OTHERS.burstBytes + 1 };

  it('an account waits after a heavy request, the other does not, and alone nobody waits', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    (await go(pacer.enter('a'))).done(heavy);
    (await go(pacer.enter('a'))).done(heavy);
    (await go(pacer.enter('b'))).done(light(0));
    let hasCome = false;
    const next = go(pacer.enter('a')).then((turn) => {
      hasCome = true;
      return turn;
    });
    await clock.pass(BESIDE_OTHERS.forMs / 2);
    (await go(pacer.enter('b'))).done(light(0));
    expect(hasCome).toBe(false);
    await clock.pass(BESIDE_OTHERS.forMs + PACE.waitMs / 10);
    expect(hasCome).toBe(true);
    (await next).done(light(0));
  });

  it('an account repays its debt while the other goes on asking, and is not refused', async () => {
    const clock = new Clock();
    const pacer = new Pacer(clock);
    (await go(pacer.enter('a'))).done({ bytes: 0, heavyBytes: 100 * BESIDE_OTHERS.mostBytes });
    const next = pacer.enter('a');
    for (let asked = 0; asked < 9; asked += 1) {
      (await go(pacer.enter('b'))).done(light(0));
      await clock.pass(900);
    }
    expect((await Promise.race([next, undefined]))?.kind).toBe('go');
  });

  it('an account runs fewer requests at a time, in every share', async () => {
    const clock = new Clock();
    const neighbors = new Neighbors();
    const requests = new Pacer(clock, PACE, neighbors);
    const signs = new Pacer(clock, SIGNS_OF_LIFE, neighbors);
    await go(requests.enter('b'));
    for (let count = 0; count < PACE.underWayBeside; count += 1) await go(requests.enter('a'));
    for (let count = 0; count < SIGNS_OF_LIFE.underWayBeside; count += 1) await go(signs.enter('a'));
    const more = [requests.enter('a'), signs.enter('a')];
    await clock.pass(BESIDE_OTHERS.busyMs - 100);
    expect(await Promise.race([...more, undefined])).toBeUndefined();
    // They wait for D1 by now, and take nothing from the other.
    await clock.pass(200);
    expect((await Promise.all(more)).map(({ kind }) => kind)).toEqual(['go', 'go']);
  });
});

describe('a large delivery', () => {
  it('waits for its turn, is refused with a time when it exceeds its share, and delays no small one', async () => {
    const noisy = await aMachine();
    await aPrompt(noisy);
    const held = await claimAndStart(noisy);
    const body = { machineId: noisy.machineId, leaseId: 'lea_none' };
    const lines = Array.from({ length: 15_000 }, () => ({ level: 'info', line: 'l'.repeat(1000) }));
    const params = { jobId: held.jobId };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => send(addLogs, { as: noisy.owner, params, body: { ...body, lines } })),
    );
    const refused = answers.filter((answer) => answer.status === 429);
    const mostBytes = DELIVERIES.burstBytes + (2 * DELIVERIES.waitMs * DELIVERIES.bytesPerSecond) / 1000;
    const fits = Math.ceil(mostBytes / 15_000_000) + DELIVERIES.underWay;
    expect(answers.length - refused.length).toBeLessThanOrEqual(fits);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);

    await log(held, 1);
    await complete(held, { content: 'Done.' });
    expect((await show(noisy.owner, held.jobId)).content).toBe('Done.');
  });
});

describe('small deliveries', () => {
  it('beyond their share are refused with a time, and hold up neither heartbeats nor what their owner asks', async () => {
    const noisy = await aMachine();
    await aPrompt(noisy);
    const held = await claimAndStart(noisy);
    const params = { jobId: held.jobId };
    const body = {
      machineId: noisy.machineId,
      leaseId: 'lea_none',
      success: true,
      content: 'c'.repeat(500 * 1024),
    };
    const answers = await Promise.all(
      Array.from({ length: 120 }, () => send(completeJob, { as: noisy.owner, params, body })),
    );
    const refused = answers.filter((answer) => answer.status === 429);
    const most =
      SMALL_DELIVERIES.burstBytes + (3 * SMALL_DELIVERIES.waitMs * SMALL_DELIVERIES.bytesPerSecond) / 1000;
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length - refused.length).toBeLessThan(most / (500 * 1024) + SMALL_DELIVERIES.underWay);
    for (const answer of refused) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);

    await beat(held);
    await aPrompt(noisy);
    // What was refused arrives when it is sent again.
    await eventually(() => complete(held, { content: 'Done.' }));
  });

  it('and signs of life of a hundred machines that work do not wait', async () => {
    const clock = new Clock();
    const deliveries = new Pacer(clock, SMALL_DELIVERIES);
    const signs = new Pacer(clock, SIGNS_OF_LIFE);
    // After an outage every job sends a heartbeat and what it has printed at once, then as usual.
    for (let job = 0; job < 400; job += 1) {
      (await go(signs.enter('a'))).done(light(300));
      (await go(deliveries.enter('a'))).done(light(4 * 1024));
    }
    for (let second = 0; second < 60; second += 1) {
      await clock.pass(1000);
      for (let beat = 0; beat < 20; beat += 1) (await go(signs.enter('a'))).done(light(300));
      for (let upload = 0; upload < 80; upload += 1) (await go(deliveries.enter('a'))).done(light(8 * 1024));
    }
    expect(clock.time).toBe(60_000);
  });
});

describe('an account that has overspent', () => {
  it('waits or is refused, while its neighbor works and its own runner delivers', async () => {
    const noisy = await aMachine();
    const neighbor = await aMachine();
    await aPrompt(noisy);
    const held = await claimAndStart(noisy);
    const notes = 'n'.repeat(250_000);
    for (let count = 0; count < 4; count += 1) {
      await accepts(addIdea, { as: noisy.owner, body: { title: `Idea ${count}`, notes } });
    }
    const asked = Array.from({ length: 60 }, () =>
      send(listIdeas, { as: noisy.owner, query: { limit: 500 } }),
    );

    await log(held, 1);
    await complete(held);
    await aPrompt(neighbor);
    await complete(await claimAndStart(neighbor));
    const finished = await env.DB.prepare('SELECT status FROM jobs WHERE id = ?').bind(held.jobId).first();
    expect(finished).toEqual({ status: 'completed' });

    const statuses = (await Promise.all(asked)).map((answer) => answer.status);
    const spent = statuses.filter((status) => status === 200).length * 1_000_000;
    expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
    expect(spent).toBeLessThan(PACE.burstBytes + (2 * PACE.waitMs * PACE.bytesPerSecond) / 1000);
    const refused = (await Promise.all(asked)).find((answer) => answer.status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused?.text).toContain('too_many_requests');
    expect((await send(listIdeas, { as: await aPerson(), query: {} })).status).toBe(200);
  });
});
