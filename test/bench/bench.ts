/** `npm run bench -- <name>`: runs a benchmark and prints a table, or one JSON document with `--json`. */

import { parseArgs } from 'node:util';
import { firstSentence } from '../../scripts/local/words.ts';
import { printTable } from './report.ts';

/** The result of a benchmark: the JSON document, and the table for people. */
export interface Report {
  title: string;
  /** The table. Its first row is the heading. */
  table: readonly (readonly (string | number)[])[];
  /** Goals and remarks, a sentence each. */
  notes: readonly string[];
  json: unknown;
}

export interface BenchOptions {
  machines: number;
  jobs: number;
  seed: number | undefined;
  /** Added to each round trip of the local runtime: to D1, to an object, and between a client and the edge. */
  d1Ms: number;
  objectMs: number;
  edgeMs: number;
  /** Lets the objects hibernate before each job. */
  isQuiet: boolean;
  /** Switches the wake-up off. A benchmark that measures it must then fail. */
  isWakeOff: boolean;
  /** Prints the progress. Prints nothing with `--json`. */
  say(message: string): void;
}

interface Bench {
  summary: string;
  defaults: { machines: number; jobs: number };
  /** The default of `--jobs` with `--quiet`. */
  quietJobs?: number;
  load(): Promise<{ run(options: BenchOptions): Promise<Report> }>;
}

const BENCHES: Record<string, Bench> = {
  backlog: {
    summary: 'rows and round trips of each operation while thousands of jobs wait elsewhere',
    defaults: { machines: 3, jobs: 12_000 },
    load: () => import('./backlog.ts'),
  },
  cancel: {
    summary: 'from a cancel until the last process of the agent is gone',
    defaults: { machines: 4, jobs: 20 },
    load: () => import('./cancel.ts'),
  },
  chaos: {
    summary: 'real runners while everything fails; judged by what the agents wrote down',
    defaults: { machines: 10, jobs: 2000 },
    load: () => import('./chaos.ts'),
  },
  cli: {
    summary: 'how fast and how large `orp` is, and what a runner uses that waits for a minute',
    defaults: { machines: 1, jobs: 0 },
    load: () => import('./cli.ts'),
  },
  cost: {
    summary: 'rows, requests and object calls per operation and per job, and their price',
    defaults: { machines: 1, jobs: 20 },
    load: () => import('./cost.ts'),
  },
  discover: {
    summary: 'finding sessions of Codex among many (--jobs: how many are on the disk)',
    defaults: { machines: 1, jobs: 10_000 },
    load: () => import('./discover.ts'),
  },
  drain: {
    summary: 'whole jobs per second over many machines, and again with a long history',
    defaults: { machines: 20, jobs: 2000 },
    load: () => import('./drain.ts'),
  },
  idle: {
    summary: 'connected runners that wait: memory, processor time, a job for each, and the price of a month',
    defaults: { machines: 1000, jobs: 1 },
    load: () => import('./idle.ts'),
  },
  neighbors: {
    summary: 'what one account at all its limits costs another',
    defaults: { machines: 1, jobs: 120 },
    load: () => import('./neighbors.ts'),
  },
  output: {
    summary: 'a job that prints a gigabyte (--jobs: MiB): memory, disk and speed of the runner',
    defaults: { machines: 1, jobs: 1024 },
    load: () => import('./output.ts'),
  },
  pages: {
    summary: 'time, bytes and rows of each page, in an account that is full of everything',
    defaults: { machines: 1, jobs: 40 },
    load: () => import('./pages.ts'),
  },
  prompt: {
    summary:
      'from the claim until a real Codex has begun the turn, with an agent server and with `codex exec`; busy sessions; interrupts',
    defaults: { machines: 1, jobs: 20 },
    load: () => import('./prompt.ts'),
  },
  wake: {
    summary: 'how an idle runner is woken: until the start is accepted, and until the agent begins',
    defaults: { machines: 1, jobs: 200 },
    quietJobs: 20,
    load: () => import('./wake.ts'),
  },
};

function usage(): string {
  const lines = Object.entries(BENCHES).map(([name, bench]) => `  ${name.padEnd(11)}${bench.summary}`);
  const words = '<name> [--machines N] [--jobs N] [--seed N] [--json]';
  const forWake = [
    'For wake, as if deployed:',
    '  --d1-ms N     added to each round trip to D1',
    '  --object-ms N added to each call of an object',
    '  --edge-ms N   added to each round trip between a client and the edge',
    '  --quiet       the object hibernates before each job',
    '  --no-wake     switches the wake-up off; the benchmark then fails',
  ].join('\n');
  const forPrograms = 'For programs: npm run -s bench -- <name> --json prints nothing but the document.';
  return `Usage: npm run bench -- ${words}\n\n${lines.join('\n')}\n\n${forWake}\n\n${forPrograms}`;
}

function readWords() {
  return parseArgs({
    allowPositionals: true,
    options: {
      machines: { type: 'string' },
      jobs: { type: 'string' },
      seed: { type: 'string' },
      'd1-ms': { type: 'string' },
      'object-ms': { type: 'string' },
      'edge-ms': { type: 'string' },
      quiet: { type: 'boolean', default: false },
      'no-wake': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

/** Reads the command line. Returns a message if it is invalid. */
function understand(): ReturnType<typeof readWords> | string {
  try {
    const asked = readWords();
    for (const [name, value] of Object.entries(asked.values)) {
      if (typeof value === 'string' && !/^[0-9]{1,9}$/.test(value))
        return `--${name} takes a whole number, not '${value}'.`;
    }
    const [name, extra] = asked.positionals;
    if (asked.values.help) return asked;
    if (name === undefined) return 'Name a benchmark.';
    if (!Object.hasOwn(BENCHES, name)) return `There is no benchmark '${name}'.`;
    return extra === undefined ? asked : `Unexpected argument '${extra}'.`;
  } catch (error) {
    return firstSentence(error);
  }
}

async function main(): Promise<number> {
  const asked = understand();
  if (typeof asked === 'string') {
    console.error(`error: ${asked}\n\n${usage()}`);
    return 2;
  }
  const { values, positionals } = asked;
  const bench = BENCHES[positionals[0] ?? ''];
  if (values.help || bench === undefined) {
    console.log(usage());
    return 0;
  }
  const { run } = await bench.load();
  const report = await run({
    machines: Number(values.machines ?? bench.defaults.machines),
    jobs: Number(values.jobs ?? (values.quiet ? bench.quietJobs : undefined) ?? bench.defaults.jobs),
    seed: values.seed === undefined ? undefined : Number(values.seed),
    d1Ms: Number(values['d1-ms'] ?? 0),
    objectMs: Number(values['object-ms'] ?? 0),
    edgeMs: Number(values['edge-ms'] ?? 0),
    isQuiet: values.quiet,
    isWakeOff: values['no-wake'],
    say: (message) => void (values.json || console.error(message)),
  });
  if (values.json) console.log(JSON.stringify(report.json, null, 2));
  else printTable(report);
  return process.exitCode === undefined ? 0 : Number(process.exitCode);
}

process.exit(await main());
