/**
 * Jobs queued at random instants around polls, subscriptions and evictions of the object. Nothing but wake-ups makes the
 * runner of this test look, so a lost one leaves a job waiting.
 */

import { afterEach, describe, expect, it } from 'vitest';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, complete, poll, start } from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { closeChannels, openSocket, openStream } from '../harness/streams.ts';

afterEach(closeChannels);

const JOBS = 40;
const SEED = Math.floor(Math.random() * 1e9);

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

interface Line {
  /** The name of the next event; undefined when the line has ended. */
  next(): Promise<string | undefined>;
  close(): Promise<void> | void;
}

type Transport = 'ws' | 'sse' | 'sse of v0.4.4' | 'poll';

async function openLine(machine: Machine, transport: Transport): Promise<Line> {
  if (transport === 'ws') {
    const socket = await openSocket(machine);
    const ended = Promise.withResolvers<undefined>();
    void socket.closed.then(() => ended.resolve(undefined));
    return {
      next: () => Promise.race([socket.next().then(({ event }) => event), ended.promise]),
      close: () => {
        ended.resolve(undefined);
        socket.close();
      },
    };
  }
  if (transport === 'poll')
    return { next: () => turns(5).then(() => 'job.available'), close: () => undefined };
  const stream = await openStream(machine, transport === 'sse' ? { persistent: '1' } : {});
  return { next: async () => (await stream.next())?.event, close: () => stream.close() };
}

/** Looks only when it was told to, and works what it finds. */
class Runner {
  readonly #machine: Machine;
  readonly #transport: Transport;
  readonly #worked = new Map<string, PromiseWithResolvers<void>>();
  #line: Line | undefined;
  #isOver = false;

  constructor(machine: Machine, transport: Transport) {
    this.#machine = machine;
    this.#transport = transport;
  }

  async run(): Promise<void> {
    while (!this.#isOver) {
      this.#line = await openLine(this.#machine, this.#transport);
      for (let event = await this.#line.next(); event; event = await this.#line.next()) {
        if (this.#isOver) break;
        if (event === 'job.available') await this.#workAll();
      }
    }
  }

  /** Settles when the job was worked. */
  worked(jobId: string): PromiseWithResolvers<void> {
    const fate = this.#worked.get(jobId) ?? Promise.withResolvers<void>();
    this.#worked.set(jobId, fate);
    return fate;
  }

  async reconnect(): Promise<void> {
    await this.#line?.close();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.reconnect();
  }

  async #workAll(): Promise<void> {
    for (;;) {
      const { job, leaseId } = await poll(this.#machine);
      if (job === null || leaseId === undefined) return;
      const held = { machine: this.#machine, jobId: job.id, leaseId };
      await start(held);
      await complete(held);
      this.worked(job.id).resolve();
    }
  }
}

function turns(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count));
}

describe.each(['ws', 'sse', 'sse of v0.4.4', 'poll'] as const)('over %s', (transport) => {
  it(`every one of ${JOBS} jobs is claimed (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const machine = await aMachine();
    const runner = new Runner(machine, transport);
    const running = runner.run();
    for (let count = 0; count < JOBS; count += 1) {
      const chance = random();
      const queued = aPrompt(machine);
      if (chance < 0.25) await evict(machine);
      else if (chance < 0.5) await Promise.all([runner.reconnect(), turns(random() * 5)]);
      else if (chance < 0.6) await Promise.all([evict(machine), runner.reconnect()]);
      const jobId = await queued;
      // Later wake-ups would hide a lost one: often the next job waits until this one is done.
      if (random() < 0.6) await runner.worked(jobId).promise;
    }
    const last = await aPrompt(machine);
    await runner.worked(last).promise;
    await runner.end();
    await running;
    expect((await poll(machine)).job).toBeNull();
  });
});
