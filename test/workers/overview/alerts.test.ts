/** Alerts: each one appears when its condition becomes true and disappears when it is repaired. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { listAlerts } from '../../../spec/contract/admin.ts';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { OFFLINE_AFTER_MS } from '../../../spec/job/waiting.ts';
import { type AlertKind, PLAYBOOK, SPOOL_OLD_MS } from '../../../spec/overview/alerts.ts';
import { DUE_MS } from '../../../workers/overview/alerts.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  beat,
  claimAndStart,
  complete,
  sync,
} from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

const read = () => accepts(listAlerts, { as: operator });

/** The alerts of one kind about this account. */
async function about({ owner }: { owner: Person }, kind: AlertKind) {
  const { alerts, counts } = await read();
  expect(counts[kind]).toBe(alerts.filter((alert) => alert.kind === kind).length);
  return alerts.filter((alert) => alert.kind === kind && alert.account?.id === owner.userId);
}

const alive = ({ owner, machineId }: Machine, said: object = {}) =>
  accepts(heartbeat, { as: owner, body: { machineId, machineName: 'workbench', ...said } });

describe('an alert', () => {
  it('says what it means and what to do next, in every kind', () => {
    for (const { meaning, next } of Object.values(PLAYBOOK)) {
      expect(meaning).toMatch(/^[A-Z].*\.$/);
      expect(next).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('of an expired lease is there until the job is taken back', async () => {
    const held = await aRunningPrompt({ onLeaseLoss: 'requeue' });
    expect(await about(held.machine, 'expired_lease')).toEqual([]);
    advance(LEASE_MS);
    expect(await about(held.machine, 'expired_lease')).toMatchObject([
      {
        jobIds: [held.jobId],
        machineId: held.machine.machineId,
        account: { email: held.machine.owner.email },
        sentence: expect.stringMatching(/^The lease of job \S+ on workbench expired at .* UTC\.$/),
        ...PLAYBOOK.expired_lease,
      },
    ]);
    await fireAlarm(held.machine);
    expect(await about(held.machine, 'expired_lease')).toEqual([]);
  });

  it('of an expired lease leaves with a late heartbeat, too', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    expect(await about(held.machine, 'expired_lease')).toHaveLength(1);
    await beat(held);
    expect(await about(held.machine, 'expired_lease')).toEqual([]);
  });

  it('of a lost job is there until its result arrives', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireAlarm(held.machine);
    expect(await about(held.machine, 'lost_job')).toMatchObject([
      { jobIds: [held.jobId], count: 1, sentence: expect.stringContaining('is lost: workbench') },
    ]);
    await complete(held);
    expect(await about(held.machine, 'lost_job')).toEqual([]);
  });

  it('of no routeable session is there until such a session is synced', async () => {
    const machine = await aMachine();
    const order = { orpSessionId: 'orp-side', sessionFallback: 'none' as const };
    const jobIds = [await aPrompt(machine, order), await aPrompt(machine, order)];
    expect(await about(machine, 'no_routeable_session')).toEqual([]);
    advance(DUE_MS);
    const [alert, ...others] = await about(machine, 'no_routeable_session');
    expect(others).toEqual([]);
    expect(alert).toMatchObject({ count: 2, sentence: expect.stringContaining('orp-side') });
    expect(alert?.jobIds.toSorted()).toEqual(jobIds.toSorted());
    await sync(machine, [{ orpSessionId: 'orp-side', codexSessionId: `codex-${machine.machineId}` }]);
    expect(await about(machine, 'no_routeable_session')).toEqual([]);
  });

  it('of a silent machine is there only while work depends on it, until it is heard of', async () => {
    const machine = await aMachine();
    advance(OFFLINE_AFTER_MS);
    expect(await about(machine, 'silent_machine')).toEqual([]);
    const jobId = await aPrompt(machine, { machineId: machine.machineId });
    expect(await about(machine, 'silent_machine')).toMatchObject([
      { machineId: machine.machineId, jobIds: [jobId], count: 1 },
    ]);
    await alive(machine);
    expect(await about(machine, 'silent_machine')).toEqual([]);
  });

  it('of a silent machine leaves when its job is cancelled', async () => {
    const { machine, jobId } = await aRunningPrompt();
    advance(OFFLINE_AFTER_MS);
    expect(await about(machine, 'silent_machine')).toHaveLength(1);
    await accepts(cancelJob, { as: operator, params: { jobId }, body: {} });
    expect(await about(machine, 'silent_machine')).toEqual([]);
  });

  it('of three retries is there until the job ends', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let retries = 1; retries <= 3; retries += 1) {
      await complete(await claimAndStart(machine), { success: false, error: 'No.' });
      expect(await about(machine, 'repeated_retries')).toEqual([]);
      await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    }
    expect(await about(machine, 'repeated_retries')).toMatchObject([
      { jobIds: [jobId], sentence: `Job ${jobId} was retried 3 times.` },
    ]);
    const held = await claimAndStart(machine);
    expect(await about(machine, 'repeated_retries')).toMatchObject([
      { sentence: `Job ${jobId} was retried 3 times.` },
    ]);
    await complete(held);
    expect(await about(machine, 'repeated_retries')).toEqual([]);
  });

  it('of a growing spool is there when results wait for ten minutes, until they are taken', async () => {
    const machine = await aMachine();
    const oldestAt = new Date(currentTime()).toISOString();
    await alive(machine, { spool: { leases: 1, bytes: 512, oldestAt } });
    expect(await about(machine, 'growing_spool')).toEqual([]);
    advance(SPOOL_OLD_MS);
    expect(await about(machine, 'growing_spool')).toMatchObject([
      { machineId: machine.machineId, count: 1, sentence: expect.stringContaining('(512 B), the oldest') },
    ]);
    await alive(machine, { spool: { leases: 2, bytes: 20_000_512, oldestAt } });
    expect(await about(machine, 'growing_spool')).toMatchObject([
      { sentence: expect.stringContaining('(20.0 MB, growing by 2.0 MB a minute), the oldest') },
    ]);
    await alive(machine, { spool: { leases: 0, bytes: 0 } });
    expect(await about(machine, 'growing_spool')).toEqual([]);
  });

  it('of version drift names old versions that are in use, until they are updated or gone', async () => {
    advance(2 * DAY);
    const [old, current] = [await aMachine(), await aMachine()];
    const set = (machine: Machine, version: string) =>
      env.DB.prepare('UPDATE machines SET app_version = ? WHERE id = ?')
        .bind(version, machine.machineId)
        .run();
    const drift = async () => (await read()).alerts.filter(({ kind }) => kind === 'version_drift');
    await set(old, '0.9.10');
    await set(current, '0.10.0');
    expect(await drift()).toMatchObject([
      {
        machineId: old.machineId,
        count: 1,
        sentence: '1 machine runs orp 0.9.10; the newest in use is 0.10.0.',
      },
    ]);
    await set(old, 'not a version');
    expect(await drift()).toEqual([]);
    await set(old, '0.10.0');
    expect(await drift()).toEqual([]);
    await set(old, '0.10.0-rc.1');
    expect(await drift()).toHaveLength(1);
    advance(2 * DAY);
    await alive(current);
    expect(await drift()).toEqual([]);
  });

  it('costs the same whatever the history, and writes nothing', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { orpSessionId: 'none', sessionFallback: 'none' });
    advance(DUE_MS);
    await alive(machine);
    const before = await billOf(read);
    for (let at = 0; at < 30; at += 1) await complete(await anotherJob(machine));
    const after = await billOf(read);
    expect(after).toMatchObject({ trips: 2, written: 0 });
    expect(after.read).toBeLessThanOrEqual(before.read);
  });

  it('does not hide behind a long queue', async () => {
    const held = await aRunningPrompt();
    await Promise.all(Array.from({ length: 400 }, () => aPrompt(held.machine)));
    advance(MINUTE + LEASE_MS);
    expect(await about(held.machine, 'expired_lease')).toHaveLength(1);
    const { hasMore } = await read();
    expect(hasMore).toBe(true);
  });
});

async function anotherJob(machine: Machine) {
  await aPrompt(machine);
  return claimAndStart(machine);
}
