/**
 * Measures what the queue costs those who do not wait in it: rows read and sequential round trips to D1 of each operation,
 * while 10,000 jobs are queued for another machine of the account and 2,000 wait behind a busy session. In the last
 * operations, another machine also holds 200 jobs.
 */

import { streamEvents } from '../../spec/contract/events.ts';
import { listJobs } from '../../spec/contract/jobs.ts';
import type { BenchOptions, Report } from './bench.ts';
import { type Account, Machine, send } from './client.ts';
import { rounded } from './report.ts';
import type { BenchService } from './service.ts';
import { startBenchService } from './service.ts';

const ELSEWHERE = 10_000;
const BEHIND_BUSY = 2000;
/** Jobs that another machine holds, in the last operations. */
const HELD = 200;
const ROWS_GOAL = 40;
const TRIPS_GOAL = 3;

interface Operation {
  name: string;
  rowsRead: number;
  trips: number;
}

interface Bill {
  rowsRead: number;
  sequentialTrips: number;
}

export async function run(options: BenchOptions): Promise<Report> {
  const service = await startBenchService({
    entry: 'test/workers/bench/counting-worker.ts',
    vars: { ACCOUNT_LIMITS: JSON.stringify({ queuedJobs: 2 * (ELSEWHERE + BEHIND_BUSY) }) },
  });
  try {
    const [near, busy, far] = await Promise.all(
      ['near', 'busy', 'far'].map((name) => register(service, name)),
    );
    if (near === undefined || busy === undefined || far === undefined) throw new Error('no machines');
    options.say(`Queueing ${ELSEWHERE} jobs for another machine, and ${BEHIND_BUSY} behind a busy session …`);
    await service.addQueued(ELSEWHERE, far.machineId);
    await work(busy);
    await service.addQueued(BEHIND_BUSY, busy.machineId);
    await finish(near);

    const operations = await measure(service, { near, busy, far });
    return report(operations);
  } finally {
    await service.close();
  }
}

async function register({ account }: BenchService, name: string): Promise<Machine> {
  const machine = new Machine(account, `${name}-${crypto.randomUUID()}`);
  await machine.register();
  return machine;
}

/** Queues a job, and claims and starts it. */
async function work(machine: Machine) {
  await machine.enqueue();
  const claim = await machine.claim();
  if (claim === undefined) throw new Error('the queued job was not there to claim');
  await machine.start(claim);
  return claim;
}

async function finish(machine: Machine): Promise<void> {
  await machine.complete(await work(machine));
}

async function measure(
  service: BenchService,
  { near, busy, far }: { near: Machine; busy: Machine; far: Machine },
): Promise<Operation[]> {
  const { account, url } = service;
  const operations: Operation[] = [];
  const bill = async () => (await (await fetch(`${url}/bench/bill`)).json()) as Bill;
  const count = async <T>(name: string, ask: () => Promise<T>): Promise<T> => {
    await bill();
    const result = await ask();
    const { rowsRead, sequentialTrips } = await bill();
    operations.push({ name, rowsRead: rounded(rowsRead), trips: sequentialTrips });
    return result;
  };
  await count('enqueue', () => near.enqueue());
  const claim = await count('claim', () => near.claim());
  if (claim === undefined) throw new Error('the queued job was not there to claim');
  await count('start', () => near.start(claim));
  await count('complete', () => near.complete(claim));
  await count('empty poll', () => near.claim());
  await count('enqueue behind a busy session', () => busy.enqueue());
  await count('empty poll of a machine whose session is busy', () => busy.claim());
  await count('list', () => send(account, listJobs, {}));
  await count('list of live jobs, 10 a page', () =>
    send(account, listJobs, { query: { status: 'live', limit: '10' } }),
  );
  await service.addHeld(HELD, far.machineId);
  await count(`enqueue, ${HELD} jobs held`, () => near.enqueue());
  const next = await count(`claim, ${HELD} jobs held`, () => near.claim());
  if (next === undefined) throw new Error('the queued job was not there to claim');
  await near.start(next);
  await near.complete(next);
  await count(`empty poll, ${HELD} jobs held`, () => near.claim());
  await count(`list, ${HELD} jobs held`, () => send(account, listJobs, {}));
  await count('opening a channel', () => openChannel(account, near));
  await count('opening a channel of a machine whose session is busy', () => openChannel(account, busy));
  return operations;
}

/** Opens a stream of events and closes it after its first bytes. */
async function openChannel({ baseUrl, token }: Account, { machineId }: Machine): Promise<void> {
  const query = new URLSearchParams({ machineId, instance: crypto.randomUUID(), waitSeconds: '60' });
  const response = await fetch(`${baseUrl}${streamEvents.path}?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const reader = response.body?.getReader();
  if (!response.ok || reader === undefined) throw new Error(`the stream answered ${response.status}`);
  await reader.read();
  await reader.cancel();
}

function report(operations: readonly Operation[]): Report {
  const worst = (of: (one: Operation) => number) => Math.max(...operations.map(of));
  return {
    title: `${ELSEWHERE} jobs queued for another machine, ${BEHIND_BUSY} behind a busy session`,
    table: [
      ['operation', 'rows read', 'sequential D1 trips'],
      ...operations.map(({ name, rowsRead, trips }) => [name, rowsRead, trips]),
    ],
    notes: [
      `At most ${worst((one) => one.rowsRead)} rows (goal: ${ROWS_GOAL}) and ${worst((one) => one.trips)} sequential trips (goal: ${TRIPS_GOAL}).`,
    ],
    json: { operations },
  };
}
