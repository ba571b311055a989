/**
 * Measures the time from a cancel until the last process of the agent is gone, with real runners and real processes. One
 * agent honors SIGINT, and the other ignores all signals except SIGKILL. Each has a child that keeps its pipe open.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { isAlive, until } from '../cli/runner/job/conditions.ts';
import { startHosted } from '../support/hosted.ts';
import type { BenchOptions, Report } from './bench.ts';
import { RealRunner } from './real-runner.ts';
import { percentile, rounded } from './report.ts';

const AGENTS = { sigint: [], stubborn: ['SIGINT', 'SIGTERM', 'SIGHUP'] } as const;
type AgentKind = keyof typeof AGENTS;

export async function run(options: BenchOptions): Promise<Report> {
  buildOrp();
  const hosted = await startHosted();
  const runners = await Promise.all(
    Array.from({ length: options.machines }, (_, at) => RealRunner.start(hosted, `codex-cancel-${at}`)),
  );
  try {
    const measured = {
      sigint: await measure(runners, 'sigint', options),
      stubborn: await measure(runners, 'stubborn', options),
    };
    return {
      title: `Cancel ordered → last process gone, ${options.jobs} jobs a kind, ${options.machines} machines`,
      table: [
        ['agent', 'p50 ms', 'p95 ms'],
        ...Object.entries(measured).map(([kind, { p50Ms, p95Ms }]) => [kind, p50Ms, p95Ms]),
      ],
      notes: ['Goal: p95 at most 2000 ms where SIGINT is honoured, 11000 ms where only SIGKILL helps.'],
      json: measured,
    };
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
    await hosted.close();
  }
}

async function measure(runners: readonly RealRunner[], kind: AgentKind, { jobs, say }: BenchOptions) {
  const samples: number[] = [];
  let begun = 0;
  await Promise.all(
    runners.map(async (runner) => {
      while (begun < jobs) {
        begun += 1;
        samples.push(await timeOne(runner, kind));
        say(`${kind}: ${samples.length} of ${jobs}`);
      }
    }),
  );
  return { p50Ms: rounded(percentile(samples, 0.5)), p95Ms: rounded(percentile(samples, 0.95)) };
}

async function timeOne(runner: RealRunner, kind: AgentKind): Promise<number> {
  const name = crypto.randomUUID();
  const journal = join(runner.folder, `journal-${name}`);
  const ready = join(runner.folder, `ready-${name}`);
  const recipe = { journal, ready, child: 'hold', ignore: AGENTS[kind], hang: true };
  const jobId = await runner.submit(recipe);
  const agent = await until(() => readNumber(ready, /^(\d+)$/));
  const child = await until(() => readNumber(journal, /child (\d+)/));
  const askedAt = performance.now();
  await runner.cancel(jobId);
  await until(async () => !(await isAlive(agent)) && !(await isAlive(child)));
  return performance.now() - askedAt;
}

function readNumber(path: string, pattern: RegExp): number | undefined {
  try {
    const [, digits] = pattern.exec(readFileSync(path, 'utf8')) ?? [];
    return digits === undefined ? undefined : Number(digits);
  } catch {
    // The file does not exist yet.
    return undefined;
  }
}
