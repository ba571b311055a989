/**
 * Measures what waiting costs, with many connected runners on the local runtime, first over SSE, then over WebSocket. The
 * price of a month is computed from the counted cost of one channel and one poll, for a runner that never gets a job.
 */

import type { Channel, OpenChannel, PushTransport } from '../../cli/runner/channel/channel.ts';
import { SAFETY_POLL_MS } from '../../cli/runner/channel/listener.ts';
import { openSseChannel } from '../../cli/runner/channel/sse-channel.ts';
import { openWsChannel } from '../../cli/runner/channel/ws-channel.ts';
import { heartbeat } from '../../spec/contract/runner.ts';
import { KEEP_ALIVE_MS, MAX_WAIT_SECONDS } from '../../spec/transport/events.ts';
import { newestServer } from '../support/known-server.ts';
import type { BenchOptions, Report } from './bench.ts';
import type { Account } from './client.ts';
import { Machine, send } from './client.ts';
import type { Bill } from './price.ts';
import { CPU_MS_PER_REQUEST, PRICE, priceOf, runtimeCpuMs, runtimeRssMb } from './price.ts';
import { rounded } from './report.ts';
import type { BenchService } from './service.ts';
import { startBenchService } from './service.ts';

const MONTH_MS = 30 * 86_400_000;
const HOUR_MS = 3_600_000;
const IDLE_MS = 20_000;
const LOST_AFTER_MS = 60_000;
const SAMPLES = 20;
const MACHINES_PER_ACCOUNT = 20;
/** The number of concurrent requests. With more, the benchmark would measure the queue in front of the local runtime. */
const AT_ONCE = 16;
/** A keep-alive frame wakes the Worker that holds the stream for this long. */
const CPU_MS_PER_KEEP_ALIVE = 0.05;
/** Opening a channel reads the token and the queue, and moves no job. */
const CPU_MS_PER_OPEN = 2;
const OPEN: Record<PushTransport, OpenChannel> = { sse: openSseChannel, ws: openWsChannel };

interface Measured {
  machines: number;
  serviceRssMb: number;
  cpuPercent: number;
  allClaimedMs: number;
  lost: number;
  dollarsPerRunnerMonth: number;
}

export async function run(options: BenchOptions): Promise<Report> {
  const measured = {} as Record<PushTransport, Measured>;
  const idle = {} as Record<PushTransport, Bill>;
  for (const transport of ['sse', 'ws'] as const) {
    options.say(`${options.machines} runners over ${transport}`);
    const service = await startBenchService({ entry: 'test/workers/bench/counting-worker.ts' });
    try {
      const bench = new IdleBench(service, transport, options);
      measured[transport] = await bench.measure();
      idle[transport] = bench.idleBill;
    } finally {
      await service.close();
    }
  }
  const rows = (['sse', 'ws'] as const).map((name) => [name, ...Object.values(measured[name])]);
  return {
    title: `${options.machines} runners that wait`,
    table: [
      ['transport', 'machines', 'MB of service', 'CPU %', 'all claimed ms', 'lost', '$ a month'],
      ...rows,
    ],
    notes: [
      'Goal for a runner-month: at most $0.002 on sse and $0.0005 on ws.',
      `Counted in ${IDLE_MS / 1000} s of idling, all runners together: ${describe(idle)}.`,
      'MB is what the runtime grew by, client connections of this process not included.',
    ],
    json: measured,
  };
}

function describe(idle: Record<PushTransport, Bill>): string {
  return Object.entries(idle)
    .map(([name, { requests, rowsRead, rowsWritten, objectRequests }]) => {
      return `${name} ${requests} requests, ${rowsRead + rowsWritten} rows, ${objectRequests} object calls`;
    })
    .join('; ');
}

class IdleBench {
  readonly #service: BenchService;
  readonly #transport: PushTransport;
  readonly #options: BenchOptions;
  #channels: Channel[] = [];
  idleBill = {} as Bill;

  constructor(service: BenchService, transport: PushTransport, options: BenchOptions) {
    this.#service = service;
    this.#transport = transport;
    this.#options = options;
  }

  async measure(): Promise<Measured> {
    const dollars = await this.#priceOfMonth();
    const { machines: count, say } = this.#options;
    const machines = await this.#newMachines(count);
    await inTurns(machines, (machine) => machine.register());
    const before = runtimeRssMb();
    say('connecting');
    const claimed = new Map<string, PromiseWithResolvers<number>>();
    await inTurns(machines, (machine) => {
      const claim = Promise.withResolvers<number>();
      claimed.set(machine.machineId, claim);
      return this.#listen(machine, async () => {
        if ((await machine.claim()) !== undefined) claim.resolve(performance.now());
      });
    });
    const rss = runtimeRssMb() - before;
    say('idling');
    await this.#bill();
    const cpuBefore = runtimeCpuMs();
    await pause(IDLE_MS);
    const cpuPercent = ((runtimeCpuMs() - cpuBefore) / IDLE_MS) * 100;
    this.idleBill = await this.#bill();
    say('a job for each');
    const startedAt = performance.now();
    await inTurns(machines, (machine) => machine.enqueue());
    const fates = await Promise.all(
      [...claimed.values()].map(({ promise }) => Promise.race([promise, pause(LOST_AFTER_MS)])),
    );
    for (const channel of this.#channels) channel.close();
    const times = fates.filter((at) => at !== undefined);
    return {
      machines: count,
      serviceRssMb: rounded(rss),
      cpuPercent: rounded(cpuPercent, 2),
      allClaimedMs: Math.round(Math.max(...times) - startedAt),
      lost: fates.length - times.length,
      dollarsPerRunnerMonth: rounded(dollars, 6),
    };
  }

  /** Counts one channel, then one poll. The first round is a warm-up. */
  async #priceOfMonth(): Promise<number> {
    const machine = newMachine(this.#service.account);
    await machine.register();
    await this.#openOnce(machine);
    await look(machine);
    await this.#bill();
    for (let done = 0; done < SAMPLES; done += 1) await this.#openOnce(machine);
    const open = priceOf(await this.#bill()) / SAMPLES + CPU_MS_PER_OPEN * PRICE.cpuMs;
    for (let done = 0; done < SAMPLES; done += 1) await look(machine);
    const looked = priceOf(await this.#bill()) / SAMPLES + 2 * CPU_MS_PER_REQUEST * PRICE.cpuMs;
    // The heartbeat before each safety poll writes a row.
    const looks = (MONTH_MS / SAFETY_POLL_MS) * (looked + PRICE.rowWritten);
    return looks + (this.#transport === 'sse' ? monthOfStreams(open) : monthOfSocket(open));
  }

  /** Opens another channel and closes it. */
  async #openOnce(machine: Machine): Promise<void> {
    const channel = await this.#listen(machine, async () => undefined);
    channel.close();
    await channel.ended;
  }

  /** Creates several accounts with a few machines each, because no account has a thousand machines. */
  async #newMachines(count: number): Promise<Machine[]> {
    const machines: Machine[] = [];
    while (machines.length < count) {
      const { account } = await this.#service.addAccount();
      const some = Math.min(MACHINES_PER_ACCOUNT, count - machines.length);
      machines.push(...Array.from({ length: some }, () => newMachine(account)));
    }
    return machines;
  }

  async #listen(machine: Machine, onWork: () => Promise<void>): Promise<Channel> {
    const { machineId, account } = machine;
    const { baseUrl, token } = account;
    const ready = Promise.withResolvers<void>();
    const headers = { authorization: `Bearer ${token}` };
    const channel = OPEN[this.#transport](
      { baseUrl, headers, machineId, instance: machineId, waitSeconds: 30, server: newestServer() },
      {
        onEvent({ event }) {
          if (event === 'ready') ready.resolve();
          if (event === 'job.available') void onWork();
        },
      },
    );
    void channel.ended.then((end) => ready.reject(new Error(`the channel ended: ${JSON.stringify(end)}`)));
    await ready.promise;
    this.#channels.push(channel);
    return channel;
  }

  async #bill(): Promise<Bill> {
    return (await (await fetch(`${this.#service.url}/bench/bill`)).json()) as Bill;
  }
}

/** Returns the price of a month of streams: a stream every 15 minutes, keep-alives, and an hourly check of the stream. */
function monthOfStreams(open: number): number {
  const streams = MONTH_MS / (MAX_WAIT_SECONDS * 1000);
  const keepAlives = (MONTH_MS / KEEP_ALIVE_MS) * CPU_MS_PER_KEEP_ALIVE * PRICE.cpuMs;
  return streams * open + keepAlives + (MONTH_MS / HOUR_MS) * PRICE.objectRequest;
}

/**
 * Returns the price of a month of sockets: a reconnect a day for network changes and deploys, and a daily check. Pings
 * are free.
 */
function monthOfSocket(open: number): number {
  const days = MONTH_MS / 86_400_000;
  return days * (open + PRICE.objectRequest);
}

/** Sends a heartbeat and a poll, like a runner that looks for work. */
async function look(machine: Machine): Promise<void> {
  await send(machine.account, heartbeat, { body: { machineId: machine.machineId } });
  await machine.claim();
}

function newMachine(account: Account): Machine {
  return new Machine(account, `mac-${crypto.randomUUID()}`);
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}
