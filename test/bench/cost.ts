/**
 * Measures what a job costs. The platform's counters inside the real Worker and object count rows, requests and calls of
 * objects. Processor time has a fixed price, because the local runtime runs Worker, object and database in one process.
 */

import { ChannelCarrier } from '../../cli/runner/channel/carrier.ts';
import type { Channel } from '../../cli/runner/channel/channel.ts';
import { openWsChannel } from '../../cli/runner/channel/ws-channel.ts';
import type { Endpoint, ReplyOf } from '../../spec/contract/endpoint.ts';
import { addLogs, heartbeat } from '../../spec/contract/runner.ts';
import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import type { ChannelEvent } from '../../spec/transport/events.ts';
import { newestServer } from '../support/known-server.ts';
import type { BenchOptions, Report } from './bench.ts';
import { type Claim, Machine } from './client.ts';
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

    const channel = await measureChannel(service, options.jobs);
    const cpuBefore = runtimeCpuMs();
    for (let done = 0; done < options.jobs; done += 1) await wholeJob(meter, machine);
    const cpuMs = runtimeCpuMs() - cpuBefore;
    const jobOperations = [...meter.operations];
    meter.operations.length = 0;
    await sideOperations(meter, machine);
    return report({ jobs: options.jobs, cpuMs, jobOperations, sideOperations: meter.operations, channel });
  } finally {
    await service.close();
  }
}

/** Measures the same jobs with a runner that listens over a WebSocket, which carries heartbeats and chunks. */
async function measureChannel(service: BenchService, jobs: number): Promise<Bill> {
  const meter = new Meter(service);
  const machine = new TalkingMachine(service.account, `mac-${crypto.randomUUID()}`);
  await machine.register();
  await machine.listen();
  await wholeJob(meter, machine);
  meter.operations.length = 0;
  for (let done = 0; done < jobs; done += 1) await wholeJob(meter, machine);
  machine.close();
  return divided(sum(meter.operations), jobs);
}

/** A machine whose channel carries heartbeats and chunks. */
class TalkingMachine extends Machine {
  readonly #carrier = new ChannelCarrier();
  #channel: Channel | undefined;

  async listen(): Promise<void> {
    const { baseUrl, token } = this.account;
    const ready = Promise.withResolvers<void>();
    const target = {
      ...{ baseUrl, token, carrier: this.#carrier, headers: { authorization: `Bearer ${token}` } },
      ...{ machineId: this.machineId, instance: 'bench', waitSeconds: 900, server: newestServer() },
    };
    const onEvent = ({ event }: ChannelEvent) => void (event === 'ready' && ready.resolve());
    this.#channel = openWsChannel(target, { onEvent });
    await ready.promise;
  }

  close(): void {
    this.#channel?.close();
  }

  override async log({ jobId, leaseId }: Claim, seq: number, text: string) {
    const chunks = [{ seq, stream: 'stdout', text }];
    return this.#call(addLogs, { jobId }, { machineId: this.machineId, leaseId, chunks });
  }

  override async beat({ jobId, leaseId }: Claim) {
    return this.#call(heartbeat, {}, { machineId: this.machineId, jobId, leaseId });
  }

  async #call<Row extends Endpoint>(row: Row, params: Record<string, string>, body: object) {
    const { baseUrl, token } = this.account;
    const signal = undefined;
    const call = { row, params, body: JSON.stringify(body), baseUrl, token, signal };
    const reply = await this.#carrier.carry(call);
    if (reply?.status !== 200)
      throw new Error(`${row.name} was not answered over the channel: ${reply?.text}`);
    return JSON.parse(reply.text) as ReplyOf<Row>;
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
  /** A job over a channel. */
  channel: Bill;
}): Report {
  const { jobs, cpuMs, channel } = measured;
  const total = sum(measured.jobOperations);
  const perJob = divided(total, jobs);
  const cpuPerJob = cpuMs / jobs;
  const dollars = dollarsPerMillion(perJob);
  const overChannel = {
    dollarsPerMillionJobs: rounded(dollarsPerMillion(channel), 2),
    rowsWrittenPerJob: rounded(channel.rowsWritten + channel.objectRowsWritten, 2),
  };
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
      `Over a channel: ${overChannel.dollarsPerMillionJobs} (goal: at most 12), ${channel.requests} requests, ${rounded(channel.objectRequests, 2)} calls of the object, ${overChannel.rowsWrittenPerJob} rows.`,
      `The local runtime, database included, used ${rounded(cpuPerJob / perJob.requests)} ms of processor time a request.`,
    ],
    json: { channel: overChannel, rowsWrittenPerJob, dollarsPerMillionJobs: rounded(dollars, 2), operations },
  };
}

function dollarsPerMillion(bill: Bill): number {
  return 1e6 * (priceOf(bill) + bill.requests * CPU_MS_PER_REQUEST * PRICE.cpuMs);
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
