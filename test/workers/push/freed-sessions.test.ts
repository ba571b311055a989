/** A session becomes free, or does not: who is woken for what waits for it, by each cause there is. */

import { afterEach, describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import type { Held, Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claim, claimAndStart, complete, poll, start, sync } from '../harness/machines.ts';
import { fireAlarm, fireCron } from '../harness/objects.ts';
import type { Socket } from '../harness/streams.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

const SWEEPS = [
  { name: 'alarm', sweep: fireAlarm },
  { name: 'cron', sweep: fireCron },
];

interface Scene {
  held: Held;
  holder: Machine;
  sharer: Machine;
  /** The job that waits for the session. */
  waiting: string;
  /** Opened while the session is busy. */
  sockets: { holder: Socket; sharer: Socket; stranger: Socket };
}

/** Two computers that have linked one session, which is at work on one job and awaited by another; and a third computer. */
async function aBusySession(
  job: Partial<Parameters<typeof aPrompt>[1]> = {},
  isStarted = true,
): Promise<Scene> {
  const session = { orpSessionId: 'orp-main', codexSessionId: `codex-${crypto.randomUUID()}` };
  const holder = await aMachine({ sessions: [session] });
  const { owner, ideaId } = holder;
  const sharer = await aMachine({ owner, ideaId, sessions: [session] });
  const stranger = await aMachine({ owner });
  const { codexSessionId } = session;
  await aPrompt(holder, { codexSessionId, ...job });
  const held = await (isStarted ? claimAndStart(holder) : claim(holder));
  const waiting = await aPrompt(holder, { codexSessionId });
  const sockets = {
    holder: await listenOverWs(holder),
    sharer: await listenOverWs(sharer),
    stranger: await listenOverWs(stranger),
  };
  return { held, holder, sharer, waiting, sockets };
}

async function expectWoken({ sharer, waiting, sockets }: Scene): Promise<void> {
  for (const socket of [sockets.holder, sockets.sharer]) {
    let { event } = await socket.next();
    while (event !== 'job.available') event = (await socket.next()).event;
  }
  expect(await sockets.stranger.told()).toEqual([]);
  expect((await poll(sharer)).job?.id).toBe(waiting);
}

function order(row: typeof cancelJob | typeof retryJob, { machine, jobId }: Held) {
  return accepts(row, { as: machine.owner, params: { jobId }, body: {} });
}

describe('every machine that has the session is woken, and no other', () => {
  it.each([true, false])('when its job has ended (success: %s)', async (success) => {
    const scene = await aBusySession();
    await complete(scene.held, { success, ...(success ? {} : { error: 'No.' }) });
    await expectWoken(scene);
  });

  it.each([true, false])('when its job is cancelled (started: %s)', async (isStarted) => {
    const scene = await aBusySession({}, isStarted);
    await order(cancelJob, scene.held);
    await expectWoken(scene);
  });

  it.each(SWEEPS)('when no attempt is left after the lease, by the $name', async ({ sweep }) => {
    const scene = await aBusySession({ onLeaseLoss: 'requeue', maxAttempts: 1 });
    advance(LEASE_MS + 3 * MINUTE);
    await sweep(scene.holder);
    await expectWoken(scene);
  });

  it('when the late result of a lost job arrives', async () => {
    const scene = await aBusySession();
    advance(LEASE_MS + 3 * MINUTE);
    await fireCron();
    expect(await scene.sockets.sharer.told()).toEqual([]);
    await complete(scene.held);
    await expectWoken(scene);
  });

  it('when a lost job is cancelled', async () => {
    const scene = await aBusySession();
    advance(LEASE_MS + 3 * MINUTE);
    await fireCron();
    await order(cancelJob, scene.held);
    await expectWoken(scene);
  });
});

describe('no machine is woken', () => {
  it.each(SWEEPS)('when a job is lost, because it keeps its session, by the $name', async ({ sweep }) => {
    const { holder, sockets } = await aBusySession();
    advance(LEASE_MS + 3 * MINUTE);
    await sweep(holder);
    expect(await sockets.sharer.told()).toEqual([]);
    expect(await sockets.stranger.told()).toEqual([]);
  });

  it.each(['ends', 'is cancelled'])(
    'but its holder, when a job %s and nothing waits for the session',
    async (how) => {
      const { held, holder, sharer, waiting, sockets } = await aBusySession();
      await order(cancelJob, { machine: holder, jobId: waiting, leaseId: '' });
      const elsewhere = await aMachine({ owner: holder.owner });
      await aPrompt(elsewhere, { machineId: elsewhere.machineId });
      await sockets.sharer.told();
      await (how === 'ends' ? complete(held) : order(cancelJob, held));
      expect(await sockets.sharer.told()).toEqual([]);
      expect((await poll(sharer)).job).toBeNull();
    },
  );

  it('when a job starts', async () => {
    const { held, sockets } = await aBusySession({}, false);
    await start(held);
    for (const socket of Object.values(sockets)) expect(await socket.told()).toEqual([]);
  });

  it('when a job expires in the queue', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await aPrompt(machine, {
      notBefore: new Date(currentTime() + MINUTE).toISOString(),
      expiresAt: new Date(currentTime() + 2 * MINUTE).toISOString(),
    });
    advance(5 * MINUTE);
    await fireCron();
    expect(await socket.told()).toEqual([]);
  });

  it('but who can take the job, when one that had ended is retried', async () => {
    const session = { orpSessionId: 'orp-main', codexSessionId: `codex-${crypto.randomUUID()}` };
    const first = await aMachine({ sessions: [session] });
    const elsewhere = await aMachine({ owner: first.owner, sessions: [session] });
    await aPrompt(first);
    const held = await claimAndStart(first);
    await complete(held);
    const [own, other] = [await listenOverWs(first), await listenOverWs(elsewhere)];
    await order(retryJob, held);
    expect((await own.next()).event).toBe('job.available');
    expect(await other.told()).toEqual([]);
  });

  it('but the machine that synced, when it brings the session a job waits for', async () => {
    const owner = await aMachine();
    const late = await aMachine({ owner: owner.owner, ideaId: owner.ideaId, sessions: [] });
    await aPrompt(owner, { codexSessionId: 'codex-late', sessionFallback: 'none' });
    const [own, other] = [await listenOverWs(late), await listenOverWs(owner)];
    await sync(late, [{ orpSessionId: 'orp-late', codexSessionId: 'codex-late' }]);
    expect((await own.next()).event).toBe('job.available');
    expect(await other.told()).toEqual([]);
    expect((await poll(late)).job).not.toBeNull();
  });
});

describe('a job that waits for its time', () => {
  it('wakes every machine that could take it, and no other, when its time has come', async () => {
    const first = await aMachine();
    const second = await aMachine({ owner: first.owner, ideaId: first.ideaId });
    const other = await aMachine({ owner: first.owner });
    const at = currentTime();
    await aPrompt(first, { notBefore: new Date(at + MINUTE).toISOString() });
    const sockets = [
      await listenOverWs(first),
      await listenOverWs(second),
      await listenOverWs(other),
    ] as const;
    advance(MINUTE + SECOND);
    for (const machine of [first, second, other]) await fireAlarm(machine);
    expect((await sockets[0].next()).event).toBe('job.available');
    expect((await sockets[1].next()).event).toBe('job.available');
    expect(await sockets[2].told()).toEqual([]);
  });
});
