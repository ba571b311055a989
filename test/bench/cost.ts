/**
 * Measures what a job costs. The platform's counters inside the real Worker and object count rows, requests and calls of
 * objects. Processor time has a fixed price, because the local runtime runs Worker, object and database in one process.
 */

import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import type { BenchOptions, Report } from './bench.ts';
import { Machine } from './client.ts';
import type { Bill } from './price.ts';
import { CPU_MS_PER_REQUEST, PRICE, priceOf, runtimeCpuMs } from './price.ts';
import { rounded } from './report.ts';
import type { BenchService } from './service.ts';
import { startBenchService } from './service.ts';

const HEARTBEATS = 4;
const CHUNKS = 3;

interface Operation extends Bill {
  operation: string;
}

class Meter {
  readonly #service: BenchService;
  readonly operations: Operation[] = [];

  constructor(service: BenchService) {
    this.#service = service;
  }

  async measure<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const result = await work();
    const bill = (await (await fetch(`${this.#service.url}/bench/bill`)).json()) as Bill;
    this.operations.push({ operation, ...bill });
    return result;
  }

  /** Advances the clock of the server. The work of its alarm is counted. */
  async advance(ms: number, machineId: string): Promise<void> {
    const machine = encodeURIComponent(`${this.#service.userId}/${machineId}`);
    await this.measure('time passes', () =>
      fetch(`${this.#service.url}/bench/advance?ms=${ms}&machine=${machine}`),
    );
  }
}

export async function run(options: BenchOptions): Promise<Report> {
  const service = await startBenchService({ entry: 'test/workers/bench/counting-worker.ts' });
  try {
    const meter = new Meter(service);
    const machine = new Machine(service.account, `mac-${crypto.randomUUID()}`);
    await machine.register();
    await wholeJob(meter, machine);
    meter.operations.length = 0;

    const cpuBefore = runtimeCpuMs();
    for (let done = 0; done < options.jobs; done += 1) await wholeJob(meter, machine);
    const cpuMs = runtimeCpuMs() - cpuBefore;
    const jobOperations = [...meter.operations];
    meter.operations.length = 0;
    await sideOperations(meter, machine);
    return report({ jobs: options.jobs, cpuMs, jobOperations, sideOperations: meter.operations });
  } finally {
    await service.close();
  }
}

/** Runs a job from the enqueue to the result, with four heartbeats and three chunks of output. */
async function wholeJob(meter: Meter, machine: Machine): Promise<void> {
  await meter.measure('enqueue', () => machine.enqueue());
  const claim = await meter.measure('claim', () => machine.claim());
  if (claim === undefined) throw new Error('the queued job was not there to claim');
  await meter.measure('start', () => machine.start(claim));
  for (let beat = 1; beat <= HEARTBEATS; beat += 1) {
    if (beat <= CHUNKS) await meter.measure('log chunk', () => machine.log(claim, beat, `output ${beat}\n`));
    await meter.advance(HEARTBEAT_MS, machine.machineId);
    await meter.measure('heartbeat', () => machine.beat(claim));
  }
  await meter.measure('complete', () => machine.complete(claim));
}

async function sideOperations(meter: Meter, machine: Machine): Promise<void> {
  await meter.measure('idle poll', () => machine.claim());
  await meter.measure('idle poll, again', () => machine.claim());
  await meter.measure('unchanged sync', () => machine.register());
  await meter.measure('enqueue with Idempotency-Key', () =>
    machine.enqueue('Say hello.', { 'idempotency-key': crypto.randomUUID() }),
  );
}

function report(measured: {
  jobs: number;
  cpuMs: number;
  jobOperations: readonly Operation[];
  sideOperations: readonly Operation[];
}): Report {
  const { jobs, cpuMs } = measured;
  const total = sum(measured.jobOperations);
  const perJob = divided(total, jobs);
  const cpuPerJob = cpuMs / jobs;
  const dollars = 1e6 * (priceOf(perJob) + perJob.requests * CPU_MS_PER_REQUEST * PRICE.cpuMs);
  const names = [...new Set(measured.jobOperations.map((one) => one.operation))];
  const operations = [
    ...names.map((name) => {
      const own = measured.jobOperations.filter((one) => one.operation === name);
      return { operation: name, perJob: rounded(own.length / jobs, 2), ...divided(sum(own), own.length) };
    }),
    ...measured.sideOperations.map((one) => ({ ...one, perJob: 0 })),
  ].map((one) => ({ ...one, dollarsPerMillion: rounded(1e6 * priceOf(one), 3) }));
  const rowsWrittenPerJob = rounded(perJob.rowsWritten + perJob.objectRowsWritten, 2);
  return {
    title: `A job with ${HEARTBEATS} heartbeats and ${CHUNKS} log chunks, mean of ${jobs}`,
    table: [
      [
        'operation',
        'a job',
        'requests',
        'D1 written',
        'D1 read',
        'object written',
        'object calls',
        '$ / million',
      ],
      ...operations.map((one) => [
        one.operation,
        one.perJob,
        one.requests,
        rounded(one.rowsWritten, 2),
        rounded(one.rowsRead, 1),
        rounded(one.objectRowsWritten, 2),
        rounded(one.objectRequests, 2),
        one.dollarsPerMillion,
      ]),
      [
        'whole job',
        1,
        perJob.requests,
        perJob.rowsWritten,
        rounded(perJob.rowsRead),
        rounded(perJob.objectRowsWritten, 2),
        rounded(perJob.objectRequests, 2),
        rounded(dollars, 2),
      ],
    ],
    notes: [
      `Rows written for a whole job: ${rowsWrittenPerJob} (goal: at most 14).`,
      `Dollars per million jobs: ${rounded(dollars, 2)} (goal: at most 16), processor time at ${CPU_MS_PER_REQUEST} ms a request.`,
      `The local runtime, database included, used ${rounded(cpuPerJob / perJob.requests)} ms of processor time a request.`,
    ],
    json: { rowsWrittenPerJob, dollarsPerMillionJobs: rounded(dollars, 2), operations },
  };
}

const FIELDS = [
  'requests',
  'rowsWritten',
  'rowsRead',
  'objectRowsWritten',
  'objectRowsRead',
  'objectRequests',
  'objectActiveMs',
] as const satisfies readonly (keyof Bill)[];

function sum(operations: readonly Operation[]): Bill {
  return combined((field) => operations.reduce((total, one) => total + one[field], 0));
}

function divided(bill: Bill, by: number): Bill {
  return combined((field) => bill[field] / by);
}

function combined(amountOf: (field: keyof Bill) => number): Bill {
  const bill = {} as Bill;
  for (const field of FIELDS) bill[field] = amountOf(field);
  return bill;
}
