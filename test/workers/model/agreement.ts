/** Holds what stands in D1 and in the objects against the model, after every step. */

import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { BACKOFF_JITTER } from '../../../spec/job/lease.ts';
import { isLeased } from '../../../spec/job/status.ts';
import { advance, currentTime } from '../harness/clock.ts';
import type { Machine } from '../harness/machines.ts';
import { alarmAt } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import type { Model, ModelJob } from './queue-model.ts';
import { isHeld } from './queue-model.ts';

/** The real side of a run. */
export interface Real {
  owner: Person;
  operator: Person;
  machines: Machine[];
}

interface Row {
  id: string;
  status: ModelJob['status'];
  attempt: number;
  attemptsUsed: number;
  leaseCount: number;
  leaseId: string | null;
  leaseExpiresAt: number | null;
  availableAt: number;
  expiresAt: number;
  finishedAt: number | null;
  session: string | null;
  content: string | null;
  archived: number;
  place: string;
  lane: string;
}

/** The platform sets an alarm a little late rather than a row too often. */
const ALARM_SLACK_MS = 2000;

export function tick(model: Model, ms: number): void {
  advance(ms);
  model.now = currentTime();
}

export async function agree(model: Model, real: Real): Promise<void> {
  const rows = await readRows(real);
  expect(rows.map((row) => row.id).sort()).toEqual(model.jobs.map((job) => job.id).sort());
  for (const row of rows) {
    const job = model.jobs.find((one) => one.id === row.id);
    if (job !== undefined) agreeOn(job, row, model);
  }
  checkExclusivity(rows);
  checkLanes(rows);
  for (const job of model.jobs) {
    if (job.policy === 'hold') expect(job.starts, `starts of ${job.id}`).toBeLessThanOrEqual(1 + job.retries);
  }
  await checkAlarms(model, real);
}

/** A held job is in the lane of its session, and a queued job is where a poll finds it when it is due. */
function checkLanes(rows: readonly Row[]): void {
  for (const { id, status, place, lane, session, availableAt } of rows) {
    if (['completed', 'failed', 'cancelled'].includes(status)) continue;
    expect(place === 'held', `${id} is ${status}`).toBe(status !== 'queued');
    if (status !== 'queued') expect(lane).toBe(session);
    else if (place.startsWith('later ')) expect(Number(lane)).toBe(availableAt);
    else expect(availableAt, `${id} is in ${place}`).toBeLessThanOrEqual(currentTime());
  }
}

async function readRows({ owner }: Real): Promise<Row[]> {
  const { results } = await env.DB.prepare(
    `SELECT id, status, attempt, attempts_used AS attemptsUsed, lease_count AS leaseCount, lease_id AS leaseId,
       lease_expires_at AS leaseExpiresAt, available_at AS availableAt, expires_at AS expiresAt,
       finished_at AS finishedAt, codex_session_id AS session, content, place, lane,
       (SELECT count(*) FROM attempts a WHERE a.user_id = jobs.user_id AND a.job_id = jobs.id) AS archived
     FROM jobs WHERE user_id = ?`,
  )
    .bind(owner.userId)
    .all<Row>();
  return results;
}

function agreeOn(job: ModelJob, row: Row, model: Model): void {
  const isEnd = ['completed', 'failed', 'cancelled'].includes(row.status);
  adoptPause(job, row, model.now);
  const { place: _place, lane: _lane, ...fields } = row;
  expect({ ...fields, session: undefined, leaseExpiresAt: undefined }).toEqual({
    id: job.id,
    status: job.status,
    attempt: job.attempt,
    attemptsUsed: job.attemptsUsed,
    leaseCount: job.leaseCount,
    leaseId: job.lease?.leaseId ?? null,
    availableAt: job.availableAt,
    expiresAt: job.expiresAt,
    finishedAt: isEnd ? expect.any(Number) : null,
    content: job.content ?? null,
    archived: job.leaseCount - (job.lease === undefined ? 0 : 1),
  });
  if (job.lease === undefined || !isHeld(job)) return;
  expect(row.session).toBe(job.lease.session);
  job.lease.recordedUntil = row.leaseExpiresAt ?? Number.NaN;
  expect(job.lease.recordedUntil).toBeLessThanOrEqual(job.lease.deadline);
}

/** The pause before an automatic retry is jittered; the model has its middle. */
function adoptPause(job: ModelJob, row: Row, now: number): void {
  const pause = job.availableAt - now;
  if (job.status !== 'queued' || pause <= 0 || row.availableAt === job.availableAt) return;
  expect(Math.abs(row.availableAt - job.availableAt)).toBeLessThanOrEqual(pause * BACKOFF_JITTER + 1);
  job.availableAt = row.availableAt;
}

function checkExclusivity(rows: readonly Row[]): void {
  const sessions = rows
    .filter((row) => ['dispatched', 'running', 'lost'].includes(row.status))
    .map((row) => row.session);
  expect(new Set(sessions).size, 'one held job a session').toBe(sessions.length);
  const leases = rows.filter((row) => isLeased(row.status)).map((row) => row.leaseId);
  expect(new Set(leases).size, 'one job a lease').toBe(leases.length);
}

/** Every live lease has an alarm that rings when the time is over that its holder was promised. */
async function checkAlarms(model: Model, { machines }: Real): Promise<void> {
  for (const machine of machines) {
    const ends = model.jobs.flatMap(({ status, lease }) =>
      lease?.machineId === machine.machineId && isLeased(status) ? [lease.deadline] : [],
    );
    if (ends.length === 0) continue;
    const at = await alarmAt(machine);
    expect(at, 'the alarm of a machine with leases').toBeLessThanOrEqual(Math.min(...ends) + ALARM_SLACK_MS);
  }
}
