/**
 * Runs the complete chaos test. Several machines run the jobs of a plan while the faults of the plan happen. Then all faults
 * are repaired, the queue becomes empty, all runners exit, and the results and leftovers are checked.
 */

import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildOrp } from '../../../scripts/local/build-orp.ts';
import { projectPath } from '../../../scripts/local/project-path.ts';
import { type Disturbance, type FaultCounts, Faults, type Stage } from './faults.ts';
import { type Run, readRuns } from './journals.ts';
import { endProcessesOf, findLeftovers } from './leftovers.ts';
import { ChaosMachine } from './machine.ts';
import { ChaosPerson, type Entry } from './person.ts';
import { makePlan, type Plan, type PlannedJob } from './plan.ts';
import { startProxy } from './proxy.ts';
import { ChaosService } from './service.ts';
import { readTurns, type Turn } from './turns.ts';
import { type Evidence, judgeJob, type Violation } from './verdict.ts';

export interface ChaosOptions {
  seed: number;
  jobs: number;
  machines: number;
  /** Prints the progress. */
  say(message: string): void;
}

export interface ChaosResult {
  seed: number;
  jobs: number;
  /** The number of jobs by final status. */
  statuses: Record<string, number>;
  runs: number;
  /** The number of runs in an agent server. */
  turns: number;
  faults: FaultCounts & { jobCancelled: number; jobRetried: number };
  violations: Violation[];
  /** Remaining processes, locks and files, and runners that exited unexpectedly. */
  leftovers: string[];
  /** All known facts about the jobs with violations. */
  stories: Evidence[];
  seconds: number;
  /** The folder of the logs and journals. It is removed if there are no violations. */
  folder: string;
}

/** The number of open jobs per machine: enough that no machine is idle, and few enough that orders hit running jobs. */
const OPEN_PER_MACHINE = 5;
/**
 * If no job ends for this long after the last fault, no job will end any more. The server's clock runs faster than real time.
 */
const STUCK_AFTER_MS = 180_000;
const SETTLE_STEP_MS = 20_000;
const TAKEN_LOOKS = 60;
const TAKEN_LOOK_MS = 500;
const LEAVE_LIMIT_MS = 120_000;
/** How long after a fault the runner may miss output of its agent. */
const AFTERMATH_MS = 20_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  buildOrp();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-chaos-')));
  // A build that somebody starts meanwhile must not break the runners.
  cpSync(projectPath('dist'), join(folder, 'dist'), { recursive: true });
  for (const place of ['journals', 'sessions']) mkdirSync(join(folder, place));
  const run = new ChaosRun(options, folder);
  const endAll = () => endProcessesOf(folder);
  process.once('exit', endAll);
  try {
    const result = await run.play();
    if (isClean(result)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    return result;
  } finally {
    await run.close();
    endAll();
    process.off('exit', endAll);
  }
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #plan: Plan;
  readonly #service: ChaosService;
  readonly #closers: (() => Promise<unknown>)[] = [];
  /** Job ids by the key of their recipe. */
  readonly #accepted = new Map<string, string>();
  #machines: ChaosMachine[] = [];
  #orders = { jobCancelled: 0, jobRetried: 0 };
  #ended = 0;
  readonly #ordering: Promise<void>[] = [];

  constructor(options: ChaosOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#plan = makePlan(options.seed, options);
    this.#service = new ChaosService(folder);
  }

  async play(): Promise<ChaosResult> {
    const startedAt = Date.now();
    const { person, stage } = await this.#setUp();
    this.#closers.push(async () => person.giveUp());
    const faults = new Faults(stage);
    for (const machine of this.#machines) machine.start();
    const injecting = faults.inject(this.#plan.nextFault, () => this.#ended);
    // The first failure ends the run. The other task is awaited below.
    injecting.catch(() => undefined);
    await Promise.race([this.#sendAll(person), injecting.then(() => new Promise(() => undefined))]);
    faults.recover();
    await injecting;
    await this.#settle(person);
    const slow = await this.#leave();
    faults.countDeaths();
    const { evidence, strays } = await this.#gather(person, faults.disturbances);
    await this.#service.stop();
    const leftovers = [...slow, ...findLeftovers(this.#folder, this.#machines)];
    const violations = [...strays, ...evidence.flatMap((one) => judgeJob(one))];
    const told = new Set(violations.map(({ jobId }) => jobId));
    return {
      seed: this.#options.seed,
      jobs: this.#accepted.size,
      statuses: countStatuses(evidence),
      runs: evidence.reduce((sum, one) => sum + one.runs.length, 0),
      turns: evidence.reduce((sum, one) => sum + one.turns.length, 0),
      faults: { ...faults.counts, ...this.#orders },
      violations,
      leftovers,
      stories: evidence.filter((one) => told.has(one.jobId)),
      seconds: Math.round((Date.now() - startedAt) / 1000),
      folder: this.#folder,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.kill()));
    await this.#service.kill();
    await Promise.all(this.#closers.map((close) => close()));
  }

  async #setUp(): Promise<{ person: ChaosPerson; stage: Stage }> {
    const { machines, say } = this.#options;
    await this.#service.start();
    for (let at = 0; at < machines; at += 1) {
      this.#machines.push(new ChaosMachine(at, this.#folder, await this.#openProxy()));
    }
    await Promise.all(this.#machines.map((machine) => machine.setUp(this.#service.person)));
    const personProxy = await this.#openProxy();
    const person = new ChaosPerson(personProxy.url);
    await person.signIn(this.#service.person);
    say(`${machines} machines are linked; logs and journals are in ${this.#folder}`);
    return { person, stage: { service: this.#service, machines: this.#machines, personProxy } };
  }

  async #openProxy() {
    const proxy = await startProxy({ port: this.#service.port });
    this.#closers.push(() => proxy.close());
    return proxy;
  }

  /** Sends all jobs and orders, and keeps a few jobs open at any time. */
  async #sendAll(person: ChaosPerson): Promise<void> {
    const limit = OPEN_PER_MACHINE * this.#machines.length;
    for (let sent = 0; sent < this.#plan.jobs.length; ) {
      const live = await person.list({ status: 'live' });
      const lost = live.filter((job) => job.status === 'lost').length;
      this.#tell(`${sent} sent, ${live.length} open (${lost} lost for now)`);
      this.#ended = sent - live.length;
      const next = this.#plan.jobs.slice(sent, sent + Math.max(0, limit - live.length + lost));
      for (const job of next) await this.#send(person, job);
      sent += next.length;
      await sleep(250);
    }
    await Promise.all(this.#ordering);
  }

  async #send(person: ChaosPerson, job: PlannedJob): Promise<void> {
    const machine = this.#machines[job.target.machine];
    if (machine === undefined) throw new Error('the plan names a machine that is not there');
    const jobId = await person.enqueue(job, machine, this.#folder);
    this.#accepted.set(job.recipe.key, jobId);
    this.#ordering.push(this.#order(person, job, jobId));
  }

  async #order(person: ChaosPerson, { order, orderAfterMs }: PlannedJob, jobId: string): Promise<void> {
    if (order === 'none') return;
    await sleep(orderAfterMs);
    if (order !== 'retry' && (await person.cancel(jobId))) this.#orders.jobCancelled += 1;
    if (order === 'cancel') return;
    if (order === 'cancelAndRetry') await sleep(orderAfterMs);
    else await this.#untilTaken(person, jobId);
    if (await person.retry(jobId)) this.#orders.jobRetried += 1;
  }

  /** Waits until a machine has claimed the job, because a queued job cannot be retried. */
  async #untilTaken(person: ChaosPerson, jobId: string): Promise<void> {
    for (let looks = 0; looks < TAKEN_LOOKS; looks += 1) {
      if ((await person.show(jobId)).status !== 'queued') return;
      await sleep(TAKEN_LOOK_MS);
    }
  }

  /** Advances the server's clock until no job is open, or until no job has ended for a long time. */
  async #settle(person: ChaosPerson): Promise<void> {
    let open = Number.POSITIVE_INFINITY;
    for (let movedAt = Date.now(); Date.now() - movedAt < STUCK_AFTER_MS; ) {
      for (const machine of this.#machines) machine.start();
      const live = await person.list({ status: 'live' });
      this.#tell(`settling, ${live.length} open`);
      if (live.length === 0) return;
      if (live.length < open) movedAt = Date.now();
      open = live.length;
      await sleep(1000);
      await this.#service.advance(SETTLE_STEP_MS);
    }
  }

  /** Asks every runner to exit after it has delivered its results. Returns the runners that did not exit in time. */
  async #leave(): Promise<string[]> {
    const unexpected = this.#machines.flatMap((machine) => machine.unexpectedEnds);
    const left = await Promise.all(this.#machines.map((machine) => machine.drain(LEAVE_LIMIT_MS)));
    const slow = this.#machines.filter((_, at) => left[at] === false);
    return [...unexpected, ...slow.map((machine) => `The runner of ${machine.name} did not leave.`)];
  }

  async #gather(
    person: ChaosPerson,
    disturbances: readonly Disturbance[],
  ): Promise<{ evidence: Evidence[]; strays: Violation[] }> {
    const turns = Map.groupBy(readTurns(this.#machines), ({ jobId }) => jobId);
    const runs = Map.groupBy(readRuns(join(this.#folder, 'journals')), (run) => run.key);
    const direct = new ChaosPerson(this.#service.url);
    await direct.signIn(this.#service.person);
    const known = new Set((await direct.list({})).map((job) => job.id));
    const evidence: Evidence[] = [];
    for (const { recipe } of this.#plan.jobs) {
      const jobId = this.#accepted.get(recipe.key) ?? recipe.key;
      const isKnown = known.delete(jobId);
      const ownRuns = runs.get(recipe.key) ?? ([] as Run[]);
      const ownTurns = turns.get(jobId) ?? ([] as Turn[]);
      evidence.push({
        jobId,
        story: isKnown ? await direct.show(jobId) : undefined,
        entries: isKnown ? await direct.transcript(jobId) : ([] as Entry[]),
        runs: ownRuns,
        turns: ownTurns,
        // A process prints only to its pipe, so output without a listener is lost. An agent server continues without a
        // listener.
        isDisturbed: ownTurns.length > 0 && ownRuns.some((run) => isDisturbed(run, disturbances)),
        retries: person.retriesSent.get(jobId) ?? 0,
      });
    }
    return { evidence, strays: [...known].map((jobId) => strayJob(jobId)) };
  }

  #tell(message: string): void {
    this.#options.say(`seed ${this.#options.seed}: ${message}`);
  }
}

/** The violation for a job that was not sent, because another job was accepted twice. */
function strayJob(jobId: string): Violation {
  return { kind: 'doubled', jobId, sentence: 'Nobody sent it: one was accepted twice.' };
}

/** Returns whether there are no violations and no leftovers. */
export function isClean({ violations, leftovers }: ChaosResult): boolean {
  return violations.length === 0 && leftovers.length === 0;
}

/** Returns whether the runner or the agent server was down during a part of the run. */
function isDisturbed({ session, startedAt, endedAt }: Run, disturbances: readonly Disturbance[]): boolean {
  return disturbances.some(
    ({ machine, at }) =>
      session.startsWith(`codex-${machine}-`) &&
      at >= startedAt - AFTERMATH_MS &&
      at <= (endedAt ?? Number.POSITIVE_INFINITY) + AFTERMATH_MS,
  );
}

function countStatuses(evidence: readonly Evidence[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { story } of evidence) {
    const status = story?.status ?? 'unknown';
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}
