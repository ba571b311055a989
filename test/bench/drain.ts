/**
 * Measures how many jobs per second the server handles, and whether a long history and a long queue slow it down. The first
 * jobs warm up the programs and are not measured. The processor time of a job says the same on a machine that does other
 * work, too, but less exactly the more of it there is.
 */

import type { BenchOptions, Report } from './bench.ts';
import { Machine } from './client.ts';
import { runtimeCpuMs } from './price.ts';
import { percentile, rounded } from './report.ts';
import { startBenchService } from './service.ts';

const HISTORY = 100_000;
/** Jobs that wait for another machine, which never polls. */
const WAITING = 2000;
/** The share of the jobs that warms up the programs before a measurement. */
const WARM_UP = 1 / 4;

interface Drained {
  jobsPerSecond: number;
  claimP50Ms: number;
  claimP99Ms: number;
  /** Processor time of a job: in the runtime with the server and its database, and in this program. */
  serverCpuMs: number;
  clientCpuMs: number;
}

export async function run(options: BenchOptions): Promise<Report> {
  // This history is longer than an account keeps by default, and all its ids may fall into the sample.
  const service = await startBenchService({
    vars: { ACCOUNT_LIMITS: JSON.stringify({ keptJobs: 64 * HISTORY, queuedJobs: HISTORY }) },
  });
  try {
    const machines = Array.from(
      { length: options.machines },
      () => new Machine(service.account, `mac-${crypto.randomUUID()}`),
    );
    await Promise.all(machines.map((machine) => machine.register()));
    const warmUp = { ...options, jobs: Math.ceil(options.jobs * WARM_UP), say: () => undefined };
    options.say(`Warming up with ${warmUp.jobs} jobs …`);
    await drain(machines, warmUp);
    const fresh = await drain(machines, options);
    options.say(`Adding ${HISTORY} finished and ${WAITING} waiting jobs, and warming up again …`);
    await service.addHistory(HISTORY);
    const parked = new Machine(service.account, `parked-${crypto.randomUUID()}`);
    await parked.register();
    await service.addQueued(WAITING, parked.machineId);
    await drain(machines, warmUp);
    const withHistory = await drain(machines, options);
    return report(options, warmUp.jobs, { fresh, withHistory });
  } finally {
    await service.close();
  }
}

/** Queues every job, then lets all machines claim, start and complete until none is left. */
async function drain(machines: readonly Machine[], { jobs, say }: BenchOptions): Promise<Drained> {
  const count = machines.length;
  const claims: number[] = [];
  let done = 0;
  const serverBefore = runtimeCpuMs();
  const clientBefore = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    machines.map(async (machine, index) => {
      const own = Math.floor(jobs / count) + (index < jobs % count ? 1 : 0);
      for (let queued = 0; queued < own; queued += 1) await machine.enqueue();
      for (let left = own; left > 0; left -= 1) {
        const askedAt = performance.now();
        const claim = await machine.claim();
        claims.push(performance.now() - askedAt);
        if (claim === undefined) throw new Error(`${machine.machineId} found no job while ${left} were left`);
        await machine.start(claim);
        await machine.complete(claim);
        done += 1;
        if (done % 500 === 0) say(`${done} of ${jobs} jobs`);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const client = process.cpuUsage(clientBefore);
  return {
    jobsPerSecond: rounded(jobs / seconds),
    claimP50Ms: rounded(percentile(claims, 0.5)),
    claimP99Ms: rounded(percentile(claims, 0.99)),
    serverCpuMs: rounded((runtimeCpuMs() - serverBefore) / jobs, 2),
    clientCpuMs: rounded((client.user + client.system) / 1000 / jobs, 2),
  };
}

function report(
  { machines, jobs }: BenchOptions,
  warmUp: number,
  { fresh, withHistory }: { fresh: Drained; withHistory: Drained },
): Report {
  const row = (name: string, one: Drained) => [
    ...[name, one.jobsPerSecond, one.claimP50Ms, one.claimP99Ms],
    ...[one.serverCpuMs, one.clientCpuMs],
  ];
  return {
    title: `${jobs} jobs over ${machines} machines: enqueue, claim, start, complete`,
    table: [
      ['', 'jobs/s', 'claim p50 ms', 'claim p99 ms', 'server CPU ms/job', 'client CPU ms/job'],
      row('nothing else', fresh),
      row(`${HISTORY} finished and ${WAITING} waiting jobs`, withHistory),
    ],
    notes: [
      `Before each measurement, ${warmUp} jobs warmed up the programs.`,
      'Goal: at least 100 jobs a second on two cores, client included, also with history and queue.',
    ],
    json: { ...fresh, withHistory, warmUpJobs: warmUp },
  };
}
