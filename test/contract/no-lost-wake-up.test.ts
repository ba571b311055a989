/**
 * Jobs queued at random instants, while the runner's listener polls, subscribes, reconnects, and the service restarts: each
 * one is claimed although no safety poll is due for an hour. `ORP_WAKE_JOBS` sets how many, `ORP_SEED` repeats a run.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransportChoice } from '../../cli/runner/channel/listener.ts';
import { listenerWaiter } from '../../cli/runner/loop/channel-waiter.ts';
import type { Waiter } from '../../cli/runner/loop/wake-signal.ts';
import { pollJob } from '../../spec/contract/runner.ts';
import type { Account, Claim } from '../bench/client.ts';
import { Machine, send } from '../bench/client.ts';
import type { Hosted } from '../support/hosted.ts';
import { startHosted } from '../support/hosted.ts';
import { newestServer } from '../support/known-server.ts';

const JOBS = Number(process.env.ORP_WAKE_JOBS ?? 100);
const SEED = Number(process.env.ORP_SEED ?? Math.floor(Math.random() * 1e9));
const HOUR_MS = 3_600_000;
/** A wake-up takes milliseconds; a restart of the service and its reconnect a few seconds. */
const LOST_AFTER_MS = 20_000;
const JOBS_PER_RESTART = 50;

let hosted: Hosted;
let account: Account;

beforeAll(async () => {
  hosted = await startHosted();
  account = { baseUrl: hosted.url, token: await hosted.signIn(await hosted.createUser()) };
});

afterAll(() => hosted.close());

/** Numbers in [0, 1) that a seed determines (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Says it until the service answers: it may be restarting. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries > 100 || String(error).includes('answered 4')) throw error;
      await pause(50);
    }
  }
}

class Runner {
  readonly #machine: Machine;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  readonly #worked = new Set<string>();
  readonly waiter: Waiter;

  private constructor(machine: Machine, waiter: Waiter) {
    this.#machine = machine;
    this.waiter = waiter;
  }

  static async start(machine: Machine, choice: TransportChoice, random: () => number): Promise<Runner> {
    const waiter = await listenerWaiter({
      connect: async () => ({
        baseUrl: account.baseUrl,
        headers: { authorization: `Bearer ${account.token}` },
        server: newestServer(),
      }),
      machineId: machine.machineId,
      instance: crypto.randomUUID(),
      choice,
      pollIntervalMs: choice === 'poll' ? 50 : HOUR_MS,
      onLease: () => undefined,
      onDrain: () => undefined,
      onReplaced: () => undefined,
      onChange: () => undefined,
      random: () => random() / 50,
    });
    return new Runner(machine, waiter);
  }

  async run(): Promise<void> {
    while ((await this.waiter.nextPoll(this.#stop.signal)) !== undefined) {
      for (let claim = await this.#claim(); claim; claim = await this.#claim()) await this.#work(claim);
    }
  }

  end(): void {
    this.#stop.abort();
    this.waiter.close();
  }

  /** Settles with what became of a job. */
  async fate(jobId: string): Promise<'worked' | 'lost'> {
    if (this.#worked.has(jobId)) return 'worked';
    const { promise, resolve } = Promise.withResolvers<'worked' | 'lost'>();
    const timer = setTimeout(() => resolve('lost'), LOST_AFTER_MS);
    this.#waiting.set(jobId, () => resolve('worked'));
    return promise.finally(() => clearTimeout(timer));
  }

  #claim(): Promise<Claim | undefined> {
    const query = { machineId: this.#machine.machineId, claimId: crypto.randomUUID() };
    return insist(async () => {
      const { job, leaseId } = await send(account, pollJob, { query });
      return job && leaseId ? { jobId: job.id, leaseId } : undefined;
    });
  }

  async #work(claim: Claim): Promise<void> {
    await insist(() => this.#machine.start(claim));
    await insist(() => this.#machine.complete(claim));
    this.#worked.add(claim.jobId);
    this.#waiting.get(claim.jobId)?.();
  }
}

describe.each(['ws', 'sse', 'poll'] as const)('over %s', (transport) => {
  it(
    `no wake-up is lost in ${JOBS} jobs (ORP_SEED=${SEED})`,
    async () => {
      const random = randomFrom(SEED);
      const machine = new Machine(account, `mac-${crypto.randomUUID()}`);
      await machine.register();
      const runner = await Runner.start(machine, transport, random);
      const running = runner.run();
      const fates: Promise<string>[] = [];
      let restarting = Promise.resolve();
      for (let count = 1; count <= JOBS; count += 1) {
        const key = { 'idempotency-key': crypto.randomUUID() };
        fates.push(insist(() => machine.enqueue('Say hello.', key)).then((jobId) => runner.fate(jobId)));
        if (random() < 0.1) runner.waiter.renew();
        if (count % JOBS_PER_RESTART === 0) restarting = restarting.then(() => hosted.restart());
        // Sometimes at once, sometimes when the runner has gone quiet.
        if (random() < 0.5) await pause(random() * 30);
        // Later wake-ups would hide a lost one: often the next job waits until this one is done.
        if (random() < 0.3) await Promise.all(fates);
      }
      await restarting;
      expect((await Promise.all(fates)).filter((fate) => fate === 'lost')).toEqual([]);
      runner.end();
      await running;
    },
    60_000 + JOBS * 400,
  );
});
