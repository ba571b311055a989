/**
 * Runs many jobs while everything fails: runners and the server are killed, machines sleep past their leases, connections
 * are cut, answers are lost, the clock jumps, and people cancel and retry. The agents' journals show whether all went well.
 */

import { type ChaosResult, isClean, runChaos } from '../support/chaos/chaos-run.ts';
import { tellStory } from '../support/chaos/story.ts';
import type { BenchOptions, Report } from './bench.ts';

/** Seeds are short enough to be typed again. */
const SEEDS = 1_000_000;
const PROGRESS_EVERY_MS = 5000;

export async function run(options: BenchOptions): Promise<Report> {
  const seed = options.seed ?? Math.floor(Math.random() * SEEDS);
  console.error(`chaos: seed ${seed} (again with --seed ${seed} --jobs ${options.jobs})`);
  // `process.exit` ends all started processes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  let toldAt = 0;
  const say = (message: string) => {
    if (Date.now() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = Date.now();
    console.error(`chaos: ${message}`);
  };
  const result = await runChaos({ seed, jobs: options.jobs, machines: options.machines, say });
  for (const line of tellStory(result)) console.error(line);
  const document = chaosDocument(result);
  const clean = isClean(result);
  if (!clean) process.exitCode = 1;
  return {
    title: `${result.jobs} jobs, ${result.runs} runs of agents (${result.turns} in agent servers), ${result.seconds} s, seed ${seed}`,
    table: [['what', 'how often'], ...rowsOf(document)],
    notes: [
      clean ? 'Nothing was lost, doubled, corrupted or left behind.' : `Violated. See ${result.folder}`,
    ],
    json: document,
  };
}

/** Returns the document that `--json` prints. */
export function chaosDocument(result: ChaosResult) {
  const count = (kind: string) => result.violations.filter((violation) => violation.kind === kind).length;
  return {
    jobs: result.jobs,
    lost: count('lost'),
    doubled: count('doubled'),
    corrupted: count('corrupted'),
    leftovers: result.leftovers.length,
    faults: result.faults,
    seed: result.seed,
    statuses: result.statuses,
    runs: result.runs,
    turns: result.turns,
    seconds: result.seconds,
  };
}

function rowsOf(document: ReturnType<typeof chaosDocument>): [string, number][] {
  const { lost, doubled, corrupted, leftovers, faults, statuses } = document;
  const counts = { lost, doubled, corrupted, leftovers };
  return [counts, statuses, faults].flatMap((group) => Object.entries(group));
}
