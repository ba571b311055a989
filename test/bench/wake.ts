/**
 * Measures a wake-up: from the acknowledged enqueue to the accepted start, and for the real `orp` to the beginning of the
 * agent's process. The runner is a process of its own. It is idle, which means that its last poll came back empty, before
 * each job is queued. So a job that nobody wakes it for is never started, and the benchmark fails.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountRow, generatePassword, insertAccount } from '../../scripts/local/accounts.ts';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { signIn } from '../support/hosted.ts';
import type { BenchOptions, Report } from './bench.ts';
import { Machine } from './client.ts';
import { RealRunner } from './real-runner.ts';
import { percentile, rounded } from './report.ts';
import { type BenchService, startBenchService } from './service.ts';
import { monotonicMs, type RunnerNews, type RunnerPlan } from './wake/idle-runner.ts';
import type { Path } from './wake/path.ts';
import { type SlowEdge, startSlowEdge } from './wake/slow-edge.ts';

/** After this time without any news, an idle runner stays idle until somebody wakes it. */
const SETTLED_MS = 100;
/** Far more than any wake-up takes, also on a busy machine. No poll happens by itself in this time. */
const LOST_AFTER_MS = 20_000;
/** How long to wait for the wake-up that was switched off. */
const OFF_AFTER_MS = 5000;
/** The runtime unloads an object after ten seconds in which nothing has happened. */
const HIBERNATE_MS = 12_000;
/** So far the clock of the server is moved while an object hibernates. No token is then still trusted from memory. */
const QUIET_MS = 5 * 60_000;
/** The first jobs warm up the programs. */
const WARM_UP = 5;
const ORP_JOBS = { hot: 40, quiet: 6 };

interface Latency {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

interface Sample {
  ackToStart: number;
  sentToStart: number;
}

interface Measured {
  ackToStart: Latency;
  sentToStart: Latency;
}

export async function run(options: BenchOptions): Promise<Report> {
  const ws = await inPlace(options, (place) => measureProtocol(place, 'ws'));
  const sse = await inPlace(options, (place) => measureProtocol(place, 'sse'));
  buildOrp();
  const orp = await inPlace(options, measureOrp);
  const { d1Ms, objectMs, edgeMs } = options;
  const way = options.isQuiet ? 'hibernated' : 'in memory';
  const added = `D1 +${d1Ms} ms, object +${objectMs} ms, edge +${edgeMs} ms a round trip`;
  return {
    title: `A wake-up of an idle runner, ${options.jobs} jobs a transport, object ${way}, ${added}`,
    table: [
      ['from the acknowledged enqueue to', 'p50 ms', 'p95 ms', 'p99 ms'],
      ['the accepted start, ws', ...Object.values(ws.ackToStart)],
      ['the accepted start, sse', ...Object.values(sse.ackToStart)],
      ['the accepted start, ws, from the sending', ...Object.values(ws.sentToStart)],
      ['the accepted start, sse, from the sending', ...Object.values(sse.sentToStart)],
      ['the process of the agent, orp over ws', ...Object.values(orp.ackToAgent)],
    ],
    notes: [
      ...(['hot', 'quiet'] as const).map((name) => {
        const { d1, object, edge } = orp.trips[name];
        return `Trips of orp to the accepted start, ${name}: ${d1} to D1, ${object} calls of the object, ${edge} between runner and edge.`;
      }),
      'Goals: ws p50 at most 8 ms and p99 at most 25 ms, the agent at most 30 ms p50, quiet at most 3 trips to D1 and 2 calls of the object.',
      'Goal with --d1-ms 15 --object-ms 4 --edge-ms 20 --quiet: ws p50 at most 130 ms.',
    ],
    json: { ws, sse, orp: { ackToAgentP50Ms: orp.ackToAgent.p50Ms }, trips: orp.trips },
  };
}

interface Place {
  service: BenchService;
  edge: SlowEdge;
  options: BenchOptions;
}

/** Starts a new server for each measurement, so that none inherits what another has left. */
async function inPlace<T>(options: BenchOptions, measure: (place: Place) => Promise<T>): Promise<T> {
  const { d1Ms, objectMs, edgeMs, isWakeOff } = options;
  const service = await startBenchService({
    entry: 'test/workers/bench/trips-worker.ts',
    vars: { D1_MS: String(d1Ms), OBJECT_MS: String(objectMs), WAKES: isWakeOff ? 'off' : 'on' },
  });
  const edge = await startSlowEdge(service.url, edgeMs);
  try {
    return await measure({ service, edge, options });
  } finally {
    await edge.close();
    await service.close();
  }
}

/** Lets objects hibernate that nobody calls. */
async function hibernate({ service }: Place): Promise<void> {
  await sleep(HIBERNATE_MS);
  await fetch(`${service.url}/bench/advance?ms=${QUIET_MS}`);
}

/** The trips of the last job until its start was accepted. */
async function tripsOf({ service }: Place): Promise<Path> {
  return (await (await fetch(`${service.url}/bench/path`)).json()) as Path;
}

async function measureProtocol(place: Place, transport: RunnerPlan['transport']): Promise<Measured> {
  const { service, edge, options } = place;
  const { jobs, isQuiet } = options;
  options.say(`${jobs} jobs over ${transport}`);
  const account = { ...service.account, baseUrl: edge.url };
  // A hibernated object is woken once, so a quiet measurement needs an object for each job.
  const machines = Array.from(
    { length: isQuiet ? jobs : 1 },
    () => new Machine(account, `mac-${crypto.randomUUID()}`),
  );
  for (const machine of machines) await machine.register();
  const machineIds = machines.map(({ machineId }) => machineId);
  // The runner has its own sign-in, so that the enqueue does not confirm the token of its poll.
  const { token } = await service.signInAgain();
  const plan = { account: { token, baseUrl: edge.url }, transport, machineIds };
  const runner = new IdleRunner(plan, options.isWakeOff ? OFF_AFTER_MS : LOST_AFTER_MS);
  try {
    await runner.settled();
    const samples: Sample[] = [];
    if (isQuiet) {
      for (const machine of machines) await timeOne(runner, machine);
      await hibernate(place);
      for (const machine of machines) {
        samples.push(await timeOne(runner, machine));
        const { isFresh } = await tripsOf(place);
        if (!isFresh) throw new Error('the object had not hibernated');
      }
    } else {
      for (let done = -WARM_UP; done < jobs; done += 1) {
        const sample = await timeOne(runner, machines[0] as Machine);
        if (done >= 0) samples.push(sample);
      }
    }
    return {
      ackToStart: latencyOf(samples.map((one) => one.ackToStart)),
      sentToStart: latencyOf(samples.map((one) => one.sentToStart)),
    };
  } finally {
    runner.close();
  }
}

async function timeOne(runner: IdleRunner, machine: Machine): Promise<Sample> {
  await runner.settled();
  const sentAt = monotonicMs();
  const jobId = await machine.enqueue('Say hello.', { 'idempotency-key': crypto.randomUUID() });
  const ackAt = monotonicMs();
  const startedAt = await runner.startOf(jobId);
  return { ackToStart: startedAt - ackAt, sentToStart: startedAt - sentAt };
}

function latencyOf(samples: readonly number[]): Latency {
  return {
    p50Ms: rounded(percentile(samples, 0.5)),
    p95Ms: rounded(percentile(samples, 0.95)),
    p99Ms: rounded(percentile(samples, 0.99)),
  };
}

/** The process of `idle-runner.ts`, as the benchmark sees it. */
class IdleRunner {
  readonly #child;
  readonly #listening = new Set<string>();
  readonly #idle = new Set<string>();
  readonly #startedAt = new Map<string, number>();
  readonly #machines: number;
  readonly #lostAfterMs: number;
  #lastNewsAt = monotonicMs();
  #failure: Error | undefined;

  constructor(plan: RunnerPlan, lostAfterMs: number) {
    this.#lostAfterMs = lostAfterMs;
    this.#machines = plan.machineIds.length;
    const words = [projectPath('test/bench/wake/idle-runner.ts'), JSON.stringify(plan)];
    this.#child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (news) => this.#hear(news as RunnerNews));
    this.#child.on('exit', () => {
      this.#failure ??= new Error('the runner has ended');
    });
  }

  /** Waits until every machine listens and was idle for a while, so that a late wake-up for the last job is over, too. */
  settled(): Promise<void> {
    return this.#until('the runner did not become idle', () => {
      const isCalm = monotonicMs() - this.#lastNewsAt >= SETTLED_MS;
      return isCalm && this.#idle.size === this.#machines && this.#listening.size === this.#machines;
    });
  }

  async startOf(jobId: string): Promise<number> {
    const what = `no wake-up arrived for job ${jobId}`;
    await this.#until(what, () => this.#startedAt.has(jobId), this.#lostAfterMs);
    return this.#startedAt.get(jobId) ?? 0;
  }

  close(): void {
    this.#child.removeAllListeners('exit');
    this.#child.kill();
  }

  #hear(news: RunnerNews): void {
    this.#lastNewsAt = monotonicMs();
    if (news.kind === 'failed') this.#failure = new Error(news.message);
    else if (news.kind === 'listening') this.#listening.add(news.machineId);
    else if (news.kind === 'idle') this.#idle.add(news.machineId);
    else {
      this.#idle.delete(news.machineId);
      this.#startedAt.set(news.jobId, news.at);
    }
  }

  async #until(what: string, isSo: () => boolean, ms = LOST_AFTER_MS): Promise<void> {
    const limit = monotonicMs() + ms;
    while (!isSo()) {
      if (this.#failure !== undefined) throw this.#failure;
      if (monotonicMs() > limit) throw new Error(`${what} within ${ms / 1000} s`);
      await sleep(1);
    }
  }
}

type Trips = Omit<Path, 'isFresh'>;

async function measureOrp(
  place: Place,
): Promise<{ ackToAgent: Latency; trips: Record<'hot' | 'quiet', Trips> }> {
  const { service, edge, options } = place;
  const hosted = {
    url: edge.url,
    signIn: (user: { id: string; email: string; password: string }) => signIn(edge.url, user),
    async createUser() {
      const person = { email: `${crypto.randomUUID()}@example.test`, password: generatePassword() };
      const row = accountRow(person, Date.now());
      await insertAccount(service.database, row);
      return { id: row.id, ...person };
    },
  };
  const runner = await RealRunner.start(hosted, 'session-1');
  try {
    const hot: number[] = [];
    const jobs = Math.min(options.jobs, ORP_JOBS.hot);
    options.say(`${jobs} jobs with orp`);
    for (let done = -WARM_UP; done < jobs; done += 1) {
      const ms = await timeAgent(runner);
      if (done >= 0) hot.push(ms);
    }
    const hotTrips = await tripsOf(place);
    const quiet: number[] = [];
    const quietJobs = options.isQuiet ? Math.min(options.jobs, ORP_JOBS.quiet) : 1;
    options.say(`${quietJobs} jobs with orp and a hibernated object`);
    let quietTrips = hotTrips;
    for (let done = 0; done < quietJobs; done += 1) {
      await runner.settled(SETTLED_MS);
      await hibernate(place);
      quiet.push(await timeAgent(runner));
      quietTrips = await tripsOf(place);
      if (!quietTrips.isFresh) throw new Error('the object had not hibernated');
    }
    return {
      ackToAgent: latencyOf(options.isQuiet ? quiet : hot),
      trips: { hot: tripsIn(hotTrips), quiet: tripsIn(quietTrips) },
    };
  } finally {
    await runner.close();
  }
}

function tripsIn({ d1, object, edge }: Path): Trips {
  return { d1, object, edge };
}

async function timeAgent(runner: RealRunner): Promise<number> {
  await runner.settled(SETTLED_MS);
  const file = join(runner.folder, `begun-${crypto.randomUUID()}`);
  const { acknowledgedAt } = await runner.submitTimed({ begun: file, say: 'Hello.' });
  for (const limit = monotonicMs() + LOST_AFTER_MS; monotonicMs() < limit; await sleep(5)) {
    const begunAt = readBegun(file);
    if (begunAt !== undefined) return begunAt - acknowledgedAt;
  }
  throw new Error(`no wake-up reached orp within ${LOST_AFTER_MS / 1000} s`);
}

/** The agent renames the file when it is complete. */
function readBegun(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    // The agent has not begun yet.
    return undefined;
  }
}
