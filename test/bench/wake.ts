/**
 * Measures how long a queued job waits for its runner, from the accepted enqueue to the accepted start, on every
 * transport.
 */

import { Listener, type TransportChoice } from '../../cli/runner/channel/listener.ts';
import { newestServer } from '../support/known-server.ts';
import type { BenchOptions, Report } from './bench.ts';
import type { Account } from './client.ts';
import { Machine } from './client.ts';
import { percentile, rounded } from './report.ts';
import { startBenchService } from './service.ts';

const TRANSPORTS = ['ws', 'sse', 'poll'] as const satisfies readonly TransportChoice[];
/** The average interval of polls in this benchmark. The real default is 30 s. */
const POLL_INTERVAL_MS = 1000;

interface Latency {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export async function run(options: BenchOptions): Promise<Report> {
  const service = await startBenchService();
  try {
    const measured = {} as Record<(typeof TRANSPORTS)[number], Latency>;
    for (const transport of TRANSPORTS) {
      options.say(`${options.jobs} jobs over ${transport}`);
      measured[transport] = await measure(service.account, transport, options.jobs);
    }
    return {
      title: `Enqueue accepted → start accepted, ${options.jobs} jobs a transport, on loopback`,
      table: [
        ['transport', 'p50 ms', 'p95 ms', 'p99 ms'],
        ...TRANSPORTS.map((name) => [name, measured[name].p50Ms, measured[name].p95Ms, measured[name].p99Ms]),
      ],
      notes: [
        'Goal on ws and sse: p50 at most 30 ms, p99 at most 120 ms.',
        `poll asks every ${POLL_INTERVAL_MS / 1000} s on average here.`,
      ],
      json: measured,
    };
  } finally {
    await service.close();
  }
}

async function measure(account: Account, transport: TransportChoice, jobs: number): Promise<Latency> {
  const machine = new Machine(account, `mac-${crypto.randomUUID()}`);
  await machine.register();
  const up = Promise.withResolvers<void>();
  const listener = new Listener({
    target: {
      baseUrl: account.baseUrl,
      headers: { authorization: `Bearer ${account.token}` },
      machineId: machine.machineId,
      instance: crypto.randomUUID(),
      waitSeconds: 30,
      server: newestServer(),
    },
    choice: transport,
    pollIntervalMs: POLL_INTERVAL_MS,
    onControl: () => undefined,
    onChange: (change) => change.up && up.resolve(),
    onEnd: (end) => up.reject(new Error(end.message)),
  });
  try {
    await up.promise;
    const runner = new Runner(machine, listener);
    const samples: number[] = [];
    for (let done = 0; done < jobs; done += 1) samples.push(await runner.timeOne());
    return {
      p50Ms: rounded(percentile(samples, 0.5)),
      p95Ms: rounded(percentile(samples, 0.95)),
      p99Ms: rounded(percentile(samples, 0.99)),
    };
  } finally {
    listener.close();
  }
}

class Runner {
  readonly #machine: Machine;
  readonly #listener: Listener;

  constructor(machine: Machine, listener: Listener) {
    this.#machine = machine;
    this.#listener = listener;
  }

  /** Queues and runs one job. Returns how long it waited. */
  async timeOne(): Promise<number> {
    const working = this.#workOne();
    await this.#machine.enqueue();
    const queuedAt = performance.now();
    return (await working) - queuedAt;
  }

  /** Polls when the listener asks for it, until a job was started. Returns when the start was accepted. */
  async #workOne(): Promise<number> {
    const never = new AbortController().signal;
    for (;;) {
      await this.#listener.nextPoll(never);
      const claim = await this.#machine.claim();
      if (claim === undefined) continue;
      await this.#machine.start(claim);
      const startedAt = performance.now();
      await this.#machine.complete(claim);
      return startedAt;
    }
  }
}
