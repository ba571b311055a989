/**
 * `npm run check`: checks format, lint, the types of every program, and generated files. The steps run in parallel; only failed steps, and
 * the step that measures the bundle, print their output. `--types` checks only the types.
 */

import { spawn } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readOptions, runScript } from './local/words.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const RUNTIME_TYPES = 'workers/worker-configuration.d.ts';
const PROGRAMS = ['spec', 'workers', 'cli', 'test', 'test/workers'];

interface Step {
  name: string;
  command: string;
  args: string[];
  /** True if the output is printed although the step passed. */
  isShown?: boolean;
}

interface Outcome {
  name: string;
  ok: boolean;
  output: string;
  isShown: boolean;
  seconds: number;
}

function tool(name: string, command: string, ...args: string[]): Step {
  return { name, command: `${ROOT}node_modules/.bin/${command}`, args };
}

/** The checks besides the types. */
const OTHERS = [
  tool('format and lint', 'biome', 'ci', '--error-on-warnings', '--colors=off'),
  tool('generated files', 'node', 'scripts/generate.ts', '--check'),
  tool('layers', 'node', 'scripts/check-layers.ts'),
  tool('lock file', 'node', 'scripts/check-lock.ts'),
  tool('decision records', 'node', 'scripts/check-decisions.ts'),
  { ...tool('bundle of the server', 'node', 'scripts/check-bundle.ts'), isShown: true },
];

function run(step: Step): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(step.command, step.args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk));
    const finish = (ok: boolean): void =>
      resolve({
        name: step.name,
        ok,
        output,
        isShown: !ok || step.isShown === true,
        seconds: (performance.now() - startedAt) / 1000,
      });
    child.on('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

function report(outcome: Outcome): void {
  const mark = outcome.ok ? 'ok  ' : 'FAIL';
  console.log(`${mark} ${outcome.name} (${outcome.seconds.toFixed(1)} s)`);
  if (outcome.isShown) console.log(outcome.output.trimEnd());
}

/**
 * Returns whether the runtime types are older than wrangler.toml or wrangler. Generating them takes seconds, so it is done
 * only then.
 */
function areRuntimeTypesStale(): boolean {
  if (!existsSync(`${ROOT}${RUNTIME_TYPES}`)) return true;
  const madeAt = statSync(`${ROOT}${RUNTIME_TYPES}`).mtimeMs;
  return ['wrangler.toml', 'package-lock.json'].some((file) => statSync(`${ROOT}${file}`).mtimeMs > madeAt);
}

function hasSources(program: string): boolean {
  return globSync(`${program}/**/*.{ts,tsx}`, { cwd: ROOT }).length > 0;
}

async function main(): Promise<number> {
  const { types: onlyTypes } = readOptions(
    { types: { type: 'boolean', default: false } },
    'npm run check takes no options but --types.',
  );
  const outcomes: Outcome[] = [];
  const add = async (step: Step): Promise<void> => {
    const outcome = await run(step);
    report(outcome);
    outcomes.push(outcome);
  };

  const steps = onlyTypes ? [] : OTHERS.map(add);
  if (areRuntimeTypesStale()) {
    await add(tool('runtime types', 'wrangler', 'types', RUNTIME_TYPES));
  }
  for (const program of PROGRAMS.filter(hasSources)) {
    steps.push(add(tool(`types of ${program}`, 'tsc', '-p', program)));
  }
  await Promise.all(steps);

  const red = outcomes.filter((outcome) => !outcome.ok);
  console.log(red.length === 0 ? 'All checks passed.' : `${red.length} of ${outcomes.length} checks failed.`);
  return red.length === 0 ? 0 : 1;
}

process.exitCode = await runScript(main);
