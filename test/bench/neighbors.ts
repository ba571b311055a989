/**
 * Measures how much an account at all its limits slows down another account. The other account does the same work with
 * and without it.
 */

import { execFileSync } from 'node:child_process';
import { PACE } from '../../spec/bounds.ts';
import { listJobs, showJob } from '../../spec/contract/jobs.ts';
import type { BenchOptions, Report } from './bench.ts';
import type { Account } from './client.ts';
import { Machine, send } from './client.ts';
import type { NoiseCounts } from './noise.ts';
import { fillAccount, makeNoise } from './noise.ts';
import { percentile, rounded } from './report.ts';
import { startBenchService } from './service.ts';

/** The number of connections of the full account, for each of its shares. */
const LANES = 4;
/**
 * The pause after filling the account, until its share is full again. It is twice the refill time, because the share may
 * be in debt.
 */
const REFILL_MS = (2 * 1000 * PACE.burstBytes) / PACE.bytesPerSecond;

export async function run(options: BenchOptions): Promise<Report> {
  const service = await startBenchService();
  try {
    options.say('one account is filled to its limits');
    const { account, userId } = await service.addAccount();
    const worst = await fillAccount({ account, userId, database: service.database }, { share: 1 });
    const machine = new Machine(service.account, `mac-${crypto.randomUUID()}`);
    await machine.register();
    await workThrough(machine, 20);
    options.say(`${options.jobs} jobs of another account, alone`);
    const quiet = await workThrough(machine, options.jobs);
    options.say(`${REFILL_MS / 1000} s until the full account may do its worst`);
    await new Promise((resolve) => setTimeout(resolve, REFILL_MS));
    options.say('the same beside the full account, which asks for the most expensive things in loops');
    const stop = new AbortController();
    const noise = Promise.all(worst.map((loop) => makeNoise(loop, { lanes: LANES, signal: stop.signal })));
    const from = performance.now();
    const noisy = await workThrough(machine, options.jobs);
    const seconds = (performance.now() - from) / 1000;
    const serviceRssMb = rssMb();
    stop.abort();
    const counts: Record<string, NoiseCounts> = Object.assign({}, ...(await noise));
    const result = {
      quietP95Ms: rounded(percentile(quiet, 0.95)),
      noisyP95Ms: rounded(percentile(noisy, 0.95)),
      p95Ratio: rounded(percentile(noisy, 0.95) / percentile(quiet, 0.95), 2),
      serviceRssMb,
    };
    return {
      title: `Requests of an account, alone and beside a full account that sends ${totalOf(counts)} in ${rounded(seconds)} s`,
      table: [
        ['', 'p50 ms', 'p95 ms'],
        ['alone', rounded(percentile(quiet, 0.5)), result.quietP95Ms],
        ['beside it', rounded(percentile(noisy, 0.5)), result.noisyP95Ms],
        ['ratio', rounded(percentile(noisy, 0.5) / percentile(quiet, 0.5), 2), result.p95Ratio],
      ],
      notes: [
        `Memory of the server: ${result.serviceRssMb} MB.`,
        ...Object.entries(counts).map(
          ([kind, { taken, fenced, refused }]) =>
            `Noise, ${kind}: ${taken} taken, ${fenced} refused for their lease, ${refused} refused at a bound.`,
        ),
        'Goals: p95 at most doubles; memory below 1 GB.',
      ],
      json: { ...result, noise: counts },
    };
  } finally {
    await service.close();
  }
}

function totalOf(counts: Record<string, NoiseCounts>): number {
  return Object.values(counts).reduce((sum, { taken, fenced, refused }) => sum + taken + fenced + refused, 0);
}

/** Enqueues, claims, delivers and reads jobs. Returns the time of every request in ms. */
async function workThrough(machine: Machine, jobs: number): Promise<number[]> {
  const times: number[] = [];
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const from = performance.now();
    const value = await work;
    times.push(performance.now() - from);
    return value;
  };
  for (let done = 0; done < jobs; done += 1) {
    await timed(machine.enqueue());
    const claim = await timed(machine.claim());
    if (claim === undefined) throw new Error('the queue gave nothing');
    await timed(machine.start(claim));
    await timed(machine.complete(claim));
    await timed(read(machine.account, claim.jobId));
    await timed(send(machine.account, listJobs, { query: { limit: '25' } }));
  }
  return times;
}

function read(account: Account, jobId: string) {
  return send(account, showJob, { path: showJob.path.replace(':jobId', jobId) });
}

/** Memory of the runtime that this process started, in MB. */
function rssMb(): number {
  const rows = execFileSync('ps', ['-A', '-o', 'ppid=,rss=,args='], { encoding: 'utf8' }).split('\n');
  const own = rows
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .filter((row) => row !== null && Number(row[1]) === process.pid && row[3]?.includes('workerd'));
  return Math.round(own.reduce((sum, row) => sum + Number(row?.[2] ?? 0), 0) / 1024);
}
