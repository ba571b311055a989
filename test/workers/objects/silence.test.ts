/** D1 gives no answer for a minute and more: what the objects know goes on, and everything else is answered in time. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { revokeToken } from '../../../spec/contract/auth.ts';
import { cancelJob, enqueueJob, listJobs, readTranscript, retryJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { addLogs, completeJob, heartbeat, pollJob, syncMachine } from '../../../spec/contract/runner.ts';
import type { UserId } from '../../../spec/ids.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { openDatabase } from '../../../workers/store/database.ts';
import { cancelIfLive } from '../../../workers/store/job-orders.ts';
import { move } from '../../../workers/store/job-update.ts';
import { dropSessions, putSessions } from '../../../workers/store/linked-projects.ts';
import { setDrainingIfOther } from '../../../workers/store/machines.ts';
import { accepts, expectRefusal, send } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND, takeLog } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  beat,
  claimAndStart,
  complete,
  type Held,
  log,
  type Machine,
  poll,
  show,
  sync,
  syncBody,
} from '../harness/machines.ts';
import { alarmAt, evict, fireAlarm, fireCron, inside } from '../harness/objects.ts';
import { aToken } from '../harness/people.ts';
import { whileSilent } from '../harness/silence.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

/** The longest silence of public reports. */
const SILENCE_MS = 80 * SECOND;
/** Clients wait no longer. */
const LIMIT_MS = 10 * SECOND;

const SILENT_CALLS: [string, (held: Held, spare: Machine) => ReturnType<typeof send>][] = [
  ['a list of jobs', ({ machine }) => send(listJobs, { as: machine.owner })],
  ['a poll', (_, spare) => send(pollJob, { as: spare.owner, query: { machineId: spare.machineId } })],
  ['an enqueue', ({ machine }) => send(enqueueJob, { as: machine.owner, body: { prompt: 'Count.' } })],
  ['a cancel', ({ machine, jobId }) => send(cancelJob, { as: machine.owner, params: { jobId }, body: {} })],
  [
    'a result',
    ({ machine, jobId, leaseId }) =>
      send(completeJob, {
        as: machine.owner,
        params: { jobId },
        body: { machineId: machine.machineId, leaseId, success: true, content: 'Three.' },
      }),
  ],
  ['a sync', (_, spare) => send(syncMachine, { as: spare.owner, body: syncBody(spare, []) })],
  ['a sign-out', ({ machine }) => send(revokeToken, { as: machine.owner })],
];

afterEach(closeChannels);

describe('while D1 is silent', () => {
  it('heartbeats and output of a running job are accepted, also by an object that lost its memory', async () => {
    const held = await aRunningPrompt();
    await log(held, 1);
    for (let silentMs = 0; silentMs < SILENCE_MS; silentMs += 20 * SECOND) {
      advance(20 * SECOND);
      if (silentMs === 40 * SECOND) await evict(held.machine);
      await whileSilent(async ({ answer }) => {
        const beaten = await answer(beat(held));
        const expiresAt = new Date(currentTime() + LEASE_MS).toISOString();
        expect(beaten.value.lease).toEqual({ valid: true, action: 'continue', expiresAt });
        expect(beaten.waitedMs).toBeLessThan(LIMIT_MS);
        const seq = 2 + silentMs / (20 * SECOND);
        expect((await answer(log(held, seq))).value.received).toBe(seq);
      });
    }
    await complete(held);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('a lease that has output continues, although its object lost its memory before', async () => {
    const held = await aRunningPrompt();
    await log(held, 1);
    await evict(held.machine);
    advance(20 * SECOND);
    await whileSilent(async ({ answer }) => {
      const beaten = await answer(beat(held));
      expect(beaten.value.lease).toMatchObject({ valid: true, action: 'continue' });
      expect((await answer(log(held, 2))).value.received).toBe(2);
      const other = { ...held, leaseId: `${held.leaseId}x` };
      const { machineId, owner: as } = held.machine;
      const body = { machineId, jobId: other.jobId, leaseId: other.leaseId };
      expectRefusal((await answer(send(heartbeat, { as, body }))).value, 'unavailable');
    });
    await complete(held);
  });

  it('a transcript is read as before', async () => {
    const held = await aRunningPrompt();
    const read = () => accepts(readTranscript, { as: held.machine.owner, params: { jobId: held.jobId } });
    await log(held, 1, 'one gauge');
    await whileSilent(async ({ answer }) => {
      advance(40 * SECOND);
      await answer(log(held, 2, 'two gauges'));
      const { value, waitedMs } = await answer(read());
      expect(value.entries.map(({ text }) => text)).toEqual(['one gauge', 'two gauges']);
      expect(waitedMs).toBeLessThan(LIMIT_MS);
    });
    expect((await read()).entries).toHaveLength(2);
  });

  it('the transcript of another account stays unreadable', async () => {
    const held = await aRunningPrompt();
    const { owner } = await aMachine();
    await whileSilent(async ({ answer }) => {
      const { value } = await answer(send(readTranscript, { as: owner, params: { jobId: held.jobId } }));
      expectRefusal(value, 'unavailable');
    });
  });

  it('a runner that listens is woken', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine, 'one');
    await whileSilent(async ({ answer }) => {
      const stub = env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`);
      await stub.wake();
      expect((await answer(socket.next())).value).toMatchObject({ event: 'job.available' });
    });
  });

  it.each(SILENT_CALLS)(
    '%s is answered with 503 within ten seconds, and works afterwards',
    async (_, ask) => {
      const held = await aRunningPrompt();
      const spare = await aMachine();
      await whileSilent(async ({ answer }) => {
        advance(40 * SECOND);
        const { value, waitedMs } = await answer(ask(held, spare));
        expectRefusal(value, 'unavailable');
        expect(value.headers.get('Retry-After')).toMatch(/^\d+$/);
        expect(waitedMs).toBeLessThan(LIMIT_MS);
      });
      expect((await ask(held, spare)).status).toBeLessThan(300);
    },
  );

  it('several polls of one machine at once are all answered in time', async () => {
    const machine = await aMachine();
    await whileSilent(
      async ({ answer }) => {
        const polls = Array.from({ length: 4 }, () =>
          send(pollJob, { as: machine.owner, query: { machineId: machine.machineId } }),
        );
        const { value, waitedMs } = await answer(Promise.all(polls));
        for (const one of value) expectRefusal(one, 'unavailable');
        expect(waitedMs).toBeLessThan(LIMIT_MS);
      },
      (sql) => sql.includes('FROM machines'),
    );
    expect((await poll(machine)).job).toBeNull();
  });
});

describe('while D1 is overloaded', () => {
  it('heartbeats, output and transcripts continue, and everything else gets 503', async () => {
    const held = await aRunningPrompt();
    const { owner } = held.machine;
    const fault = {
      before() {
        throw new Error('D1_ERROR: D1 DB is overloaded. Requests queued for too long.');
      },
    };
    await withFault(fault, async () => {
      for (let beats = 0; beats < 8; beats += 1) {
        advance(20 * SECOND);
        expect((await beat(held)).lease?.valid).toBe(true);
      }
      expect((await log(held, 1)).received).toBe(1);
      const page = await accepts(readTranscript, { as: owner, params: { jobId: held.jobId } });
      expect(page.entries).toHaveLength(1);
      expectRefusal(await send(listJobs, { as: owner }), 'unavailable');
    });
    await fireCron();
    expect(await show(owner, held.jobId)).toMatchObject({ status: 'running', attempt: 1 });
  });
});

describe('leases after a silence', () => {
  it('that heartbeats renewed meanwhile are not reclaimed, although D1 does not know and the object forgot', async () => {
    const held = await aRunningPrompt();
    await whileSilent(async ({ answer }) => {
      for (let beats = 0; beats < 5; beats += 1) {
        advance(20 * SECOND);
        await answer(beat(held));
      }
    });
    await evict(held.machine);
    advance(50 * SECOND);
    await fireCron();
    await fireAlarm(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running', attempt: 1 });
  });

  it('whose end fell into it are given time for a heartbeat, and end when none comes', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    await whileSilent(async ({ answer }) => {
      advance(LEASE_MS + SECOND);
      await answer(fireAlarm(held.machine));
    });
    await evict(held.machine);
    await fireCron();
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'running' });
    advance(2 * MINUTE);
    await fireAlarm(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'queued' });
  });

  it('that a person revoked before it are not restored by it, although they have output', async () => {
    const held = await aRunningPrompt();
    const { owner } = held.machine;
    await log(held, 1);
    await accepts(cancelJob, { as: owner, params: { jobId: held.jobId }, body: {} });
    await evict(held.machine);
    await whileSilent(async ({ answer }) => {
      const { machineId } = held.machine;
      const chunks = [{ seq: 2, stream: 'stdout' as const, text: 'late' }];
      const { value } = await answer(
        send(addLogs, {
          as: owner,
          params: { jobId: held.jobId },
          body: { machineId, leaseId: held.leaseId, chunks },
        }),
      );
      expectRefusal(value, 'unavailable');
    });
  });
});

describe('alarm and cron during a silence', () => {
  it('end in time, fail nothing, and continue by themselves afterwards', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    await whileSilent(async ({ answer }) => {
      advance(LEASE_MS);
      const rung = await answer(fireAlarm(held.machine));
      expect(rung.value).toBe(true);
      expect(rung.waitedMs).toBeLessThan(LIMIT_MS);
      expect((await answer(fireCron())).waitedMs).toBeLessThan(LIMIT_MS);
    });
    const next = await alarmAt(held.machine);
    expect(next).toBeGreaterThan(currentTime());
    advance(2 * LEASE_MS);
    await fireAlarm(held.machine);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'queued' });
  });

  it('correct the presence of a runner that left meanwhile', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine, 'one');
    await whileSilent(async ({ answer }) => {
      socket.close();
      const due = () => inside(machine, (state) => state.storage.get('presence-due'));
      await answer(eventually(async () => expect(await due()).toBe(true)));
    });
    advance(MINUTE);
    expect(await fireAlarm(machine)).toBe(true);
    const row = await env.DB.prepare('SELECT listening_transport AS transport FROM machines WHERE id = ?')
      .bind(machine.machineId)
      .first();
    expect(row).toEqual({ transport: null });
  });
});

describe('a token while D1 is silent', () => {
  it('that was confirmed lately is good for 15 minutes, and one never seen is answered with 503', async () => {
    const held = await aRunningPrompt();
    const token = await aToken(held.machine.owner.userId);
    await whileSilent(async ({ answer }) => {
      advance(14 * MINUTE);
      await answer(beat(held));
      const stranger = { ...held.machine.owner, token };
      expectRefusal((await answer(send(listJobs, { as: stranger }))).value, 'unavailable');
      advance(2 * MINUTE);
      expectRefusal((await answer(send(listJobs, { as: held.machine.owner }))).value, 'unavailable');
      expect(takeLog().some(({ event }) => event === 'token_not_confirmed')).toBe(true);
    });
  });

  it('that was revoked is dead with the first answer of D1, however late that comes', async () => {
    const held = await aRunningPrompt();
    await env.DB.prepare('UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ?')
      .bind(held.machine.owner.userId)
      .run();
    advance(31 * SECOND);
    await whileSilent(async ({ answer, end }) => {
      await answer(beat(held));
      end();
      const list = () => send(listJobs, { as: held.machine.owner });
      await answer(eventually(async () => expect((await list()).status).toBe(401)));
    });
  });
});

describe('a write that reaches D1 after its answer was given up', () => {
  const db = openDatabase(env.DB);

  it('as a cancel does not end the attempt that a person asked for since', async () => {
    const held = await aRunningPrompt();
    const { owner, machineId } = held.machine;
    const orderedAt = currentTime();
    advance(SECOND);
    await accepts(retryJob, { as: owner, params: { jobId: held.jobId }, body: {} });
    const again = await claimAndStart(held.machine);
    const order = { now: orderedAt, actor: owner.userId, by: owner.email, source: 'api', reason: undefined };
    const key = { userId: owner.userId, id: held.jobId };
    expect(await move(db, cancelIfLive(key, { ...order, leaseId: undefined }))).toBeUndefined();
    const { status, events } = await show(owner, held.jobId);
    expect({ status, events: events.map(({ action }) => action) }).toEqual({
      status: 'running',
      events: ['retry'],
    });
    expect((await beat({ ...again, machine: { ...held.machine, machineId } })).lease?.valid).toBe(true);
  });

  it('as a drain does not undo a newer order', async () => {
    const machine = await aMachine();
    const { owner, machineId } = machine;
    const drain = (draining: boolean) =>
      accepts(drainMachine, { as: owner, params: { machineId }, body: { draining } });
    const orderedAt = currentTime();
    advance(SECOND);
    await drain(true);
    advance(SECOND);
    await drain(false);
    const late = { userId: owner.userId, machineId, isDraining: true, now: orderedAt };
    const order = { ...late, actor: owner.userId, source: 'api', reason: undefined };
    expect(await setDrainingIfOther(db, order)).toBe(false);
    const jobId = await aPrompt(machine);
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('as a sync does not undo a newer one', async () => {
    const machine = await aMachine();
    const { owner, machineId, projectRoot } = machine;
    const syncedAt = currentTime();
    advance(SECOND);
    await sync(machine, [{ orpSessionId: 'orp-new', codexSessionId: `codex-${machineId}` }]);
    const userId = owner.userId as UserId;
    await db.batch([
      ...dropSessions(userId, [{ machineId, projectRoot }], syncedAt),
      ...putSessions(userId, [{ machineId, projectRoot, sessions: '[]' }], syncedAt),
    ]);
    await aPrompt(machine);
    expect((await poll(machine)).job?.payload.orpSessionId).toBe('orp-new');
  });
});
