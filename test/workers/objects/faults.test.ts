/**
 * The platform breaks between any two steps of a claim and of a completion: a statement fails before or after it took
 * effect, the object loses its memory, the answer is lost. The same request again brings the same answer; nothing is doubled.
 */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { completeJob, pollJob, startJob } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { RunnerMachine } from '../../../workers/index.ts';
import type { Answer } from '../harness/call.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import type { Held, Machine } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aReview,
  beat,
  claim,
  claimAndStart,
  complete,
  log,
  poll,
  show,
  start,
} from '../harness/machines.ts';
import { evict, fireAlarm, fireCron } from '../harness/objects.ts';

const LOST = 'D1_ERROR: Network connection lost.';

interface Breakage {
  /** Which round trip to D1 breaks, from 1. */
  trip: number;
  when: 'before' | 'after';
  /** The object loses its memory as well, before the request is sent again. */
  andEvict: boolean;
}

const BREAKAGES: Breakage[] = [1, 2, 3, 4].flatMap((trip) =>
  (['before', 'after'] as const).flatMap((when) =>
    [true, false].map((andEvict) => ({ trip, when, andEvict })),
  ),
);

/** Sends a request whose nth round trip to D1 breaks; says whether it got that far. */
async function sendBroken(
  { trip, when }: Breakage,
  ask: () => Promise<Answer>,
): Promise<'broke' | 'not reached'> {
  let trips = 0;
  const strike = () => {
    if (trips === trip) throw new Error(LOST);
  };
  const fault = {
    before() {
      trips += 1;
      if (when === 'before') strike();
    },
    after() {
      if (when === 'after') strike();
    },
  };
  const answer = await withFault(fault, ask);
  if (trips < trip) {
    expect(answer.status).toBeLessThan(300);
    return 'not reached';
  }
  expect([200, 503]).toContain(answer.status);
  return 'broke';
}

async function attemptsOf(machine: Machine, jobId: string): Promise<number> {
  const row = await env.DB.prepare('SELECT lease_count AS count FROM jobs WHERE user_id = ? AND id = ?')
    .bind(machine.owner.userId, jobId)
    .first<{ count: number }>();
  return row?.count ?? -1;
}

async function afterwards(machine: Machine, { andEvict }: Breakage): Promise<void> {
  if (andEvict) await evict(machine);
}

describe('a claim', () => {
  it.each(BREAKAGES)(
    'that breaks $when round trip $trip (evicted: $andEvict) is claimed once',
    async (breakage) => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      const claimId = crypto.randomUUID();
      const query = { machineId: machine.machineId, claimId };
      await sendBroken(breakage, () => send(pollJob, { as: machine.owner, query }));
      await afterwards(machine, breakage);

      const held = await claim(machine, { claimId });
      expect(held.jobId).toBe(jobId);
      expect(await attemptsOf(machine, jobId)).toBe(1);
      expect(await claim(machine, { claimId })).toEqual(held);
      await start(held);
      await complete(held);
      expect(await show(machine.owner, jobId)).toMatchObject({
        status: 'completed',
        attempt: 1,
        leaseId: held.leaseId,
      });
    },
  );

  it.each(BREAKAGES)(
    'of a client without claim ids that breaks $when round trip $trip (evicted: $andEvict) comes again after 15 s',
    async (breakage) => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      const query = { machineId: machine.machineId };
      await sendBroken(breakage, () => send(pollJob, { as: machine.owner, query }));
      await afterwards(machine, breakage);
      advance(15 * SECOND);
      const held = await claim(machine);
      expect(held.jobId).toBe(jobId);
      expect(await attemptsOf(machine, jobId)).toBe(1);
    },
  );

  it.each(BREAKAGES.filter(({ andEvict }) => !andEvict))(
    'that breaks $when round trip $trip and is never repeated is reclaimed by alarm or cron',
    async (breakage) => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      const query = { machineId: machine.machineId, claimId: crypto.randomUUID() };
      await sendBroken(breakage, () => send(pollJob, { as: machine.owner, query }));
      advance(LEASE_MS);
      await fireAlarm(machine);
      await fireCron();
      expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
    },
  );
});

describe('a start', () => {
  it.each(BREAKAGES)(
    'that breaks $when round trip $trip (evicted: $andEvict) starts once',
    async (breakage) => {
      const machine = await aMachine();
      await aPrompt(machine);
      const held = await claim(machine);
      const body = { machineId: machine.machineId, leaseId: held.leaseId };
      await sendBroken(breakage, () =>
        send(startJob, { as: machine.owner, params: { jobId: held.jobId }, body }),
      );
      await afterwards(machine, breakage);
      expect(await start(held)).toMatchObject({ job: { status: 'running' } });
      expect((await beat(held)).lease).toMatchObject({ valid: true });
    },
  );
});

describe('a completion', () => {
  const RESULT = { success: true, summary: 'Three.', content: 'Current state\nThree.\n' };

  async function aHeldReview(): Promise<Held & { checkpointId: string }> {
    const machine = await aMachine();
    const { checkpointId } = await aReview(machine);
    return { ...(await claimAndStart(machine)), checkpointId };
  }

  function deliver({ machine, jobId, leaseId }: Held) {
    const body = { machineId: machine.machineId, leaseId, ...RESULT };
    return send(completeJob, { as: machine.owner, params: { jobId }, body });
  }

  it.each(BREAKAGES)(
    'that breaks $when round trip $trip (evicted: $andEvict) is delivered once',
    async (breakage) => {
      const held = await aHeldReview();
      await sendBroken(breakage, () => deliver(held));
      await afterwards(held.machine, breakage);
      advance(SECOND);
      expect(await complete(held, RESULT)).toEqual({
        ok: true,
        job: { id: held.jobId, status: 'completed' },
      });

      const job = await show(held.machine.owner, held.jobId);
      expect(job.attempts).toHaveLength(1);
      expect(job).toMatchObject({ status: 'completed', content: RESULT.content });
      const review = await env.DB.prepare('SELECT status, summary FROM checkpoints WHERE id = ?')
        .bind(held.checkpointId)
        .first();
      expect(review).toEqual({ status: 'completed', summary: 'Three.' });
    },
  );

  it('whose result is written and whose answer is lost stays finished, also when the lease ends', async () => {
    const held = await aHeldReview();
    await sendBroken({ trip: 1, when: 'after', andEvict: false }, () => deliver(held));
    advance(LEASE_MS);
    await fireAlarm(held.machine);
    await fireCron();
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'completed' });
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'finished' });
  });
});

describe('an object that cannot be told', () => {
  afterEach(() => void vi.restoreAllMocks());

  function deaf(...verbs: ('forget' | 'revoke' | 'wake')[]): void {
    for (const verb of verbs) {
      vi.spyOn(RunnerMachine.prototype, verb).mockImplementation(() => {
        throw new Error('the object restarts');
      });
    }
  }

  it('of a completion costs nothing but time', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    const next = await aPrompt(machine);
    deaf('forget');
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
    vi.restoreAllMocks();
    advance(60 * SECOND);
    expect((await claim(machine)).jobId).toBe(next);
  });

  it('of a cancel learns it with the next renewal of the lease', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    deaf('revoke');
    await accepts(cancelJob, { as: machine.owner, params: { jobId: held.jobId }, body: {} });
    vi.restoreAllMocks();
    const news: (boolean | undefined)[] = [];
    for (let beats = 0; beats < 5; beats += 1) {
      advance(20 * SECOND);
      news.push((await beat(held)).lease?.valid);
    }
    expect(news.at(-1)).toBe(false);
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'cancelled' });
  });

  it('of a retry does not let the old holder finish', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const old = await claimAndStart(machine);
    deaf('revoke', 'wake');
    await accepts(retryJob, { as: machine.owner, params: { jobId: old.jobId }, body: {} });
    vi.restoreAllMocks();
    const body = { machineId: machine.machineId, leaseId: old.leaseId, success: true };
    const answer = await send(completeJob, { as: machine.owner, params: { jobId: old.jobId }, body });
    expect(answer.status).toBe(409);
    advance(60 * SECOND);
    expect((await claim(machine)).jobId).toBe(old.jobId);
  });

  it('of new work is found with the next look, a minute later at most', async () => {
    const machine = await aMachine();
    await poll(machine);
    deaf('wake');
    const jobId = await aPrompt(machine);
    vi.restoreAllMocks();
    advance(60 * SECOND);
    expect((await claim(machine)).jobId).toBe(jobId);
  });
});

describe('a sweep', () => {
  it('that read before a completion and writes after it changes nothing', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const held = await claimAndStart(machine);
    advance(LEASE_MS);
    let delivered = false;
    const between = {
      async run() {
        if (delivered) return;
        delivered = true;
        await complete(held);
      },
    };
    await withFault({ pauseAfterRead: (sql) => (/j\.status IN/.test(sql) ? between.run() : undefined) }, () =>
      fireCron(),
    );
    expect(delivered).toBe(true);
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('that read before a heartbeat and writes after it changes nothing', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS);
    let beaten = false;
    const pauseAfterRead = async (sql: string) => {
      if (beaten || !/j\.status IN/.test(sql)) return;
      beaten = true;
      expect((await beat(held)).lease).toMatchObject({ valid: true });
    };
    await withFault({ pauseAfterRead }, () => fireCron());
    expect(beaten).toBe(true);
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'running' });
  });

  it('that read before a retry and a new claim leaves the fresh attempt alone', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const old = await claimAndStart(machine);
    advance(LEASE_MS);
    let fresh: Held | undefined;
    const pauseAfterRead = async (sql: string) => {
      if (fresh !== undefined || !/j\.status IN/.test(sql)) return;
      await accepts(retryJob, { as: machine.owner, params: { jobId: old.jobId }, body: {} });
      fresh = await claimAndStart(machine);
    };
    await withFault({ pauseAfterRead }, () => fireCron());
    expect(await show(machine.owner, old.jobId)).toMatchObject({
      status: 'running',
      leaseId: fresh?.leaseId,
    });
    expect((await beat(fresh as Held)).lease).toMatchObject({ valid: true });
  });

  it('that breaks in the middle is finished by the next one', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS);
    for (const trip of [1, 2, 3]) {
      let trips = 0;
      const fault = {
        before() {
          trips += 1;
          if (trips === trip) throw new Error(LOST);
        },
      };
      await withFault(fault, () => fireCron());
    }
    await fireCron();
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });

  it('of an alarm that fails is run again', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    advance(LEASE_MS);
    const fault = {
      before() {
        throw new Error(LOST);
      },
    };
    await expect(withFault(fault, () => fireAlarm(machine))).rejects.toThrow();
    await evict(machine);
    await fireCron();
    expect(await show(machine.owner, held.jobId)).toMatchObject({ status: 'lost' });
  });
});

describe('an eviction between any two steps', () => {
  const STEPS = 10;

  it.each(Array.from({ length: STEPS }, (_, gap) => ({ gap })))(
    '(gap $gap) changes nothing',
    async ({ gap }) => {
      const machine = await aMachine();
      let step = 0;
      const pause = async () => {
        if (step === gap) await evict(machine);
        step += 1;
      };
      await pause();
      const jobId = await aPrompt(machine);
      await pause();
      const held = await claim(machine);
      await pause();
      await start(held);
      for (const seq of [1, 2]) {
        await pause();
        expect((await log(held, seq)).received).toBe(seq);
        await pause();
        advance(20 * SECOND);
        expect((await beat(held)).lease).toEqual({
          valid: true,
          action: 'continue',
          expiresAt: new Date(currentTime() + LEASE_MS).toISOString(),
        });
      }
      await pause();
      expect((await poll(machine)).job).toBeNull();
      await pause();
      await complete(held);
      await pause();
      expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'finished' });
      const next = await aPrompt(machine);
      expect((await claim(machine)).jobId).toBe(next);
      expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed', attempt: 1 });
      expect(step).toBe(STEPS);
    },
  );
});
