/**
 * `npm test`: every test project under a hard time limit. A test run inside workerd is known to hang for good now and then;
 * a run that can hang for ever tells nobody anything. Arguments are passed on to vitest.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const REPORT = `${ROOT}node_modules/.cache/orp-runner/test-report.json`;
const LIMIT_SECONDS = Number(process.env.ORP_TEST_LIMIT_SECONDS ?? 900);

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
}

function vitestArgs(): string[] {
  const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  return ['run', ...report, ...process.argv.slice(2)];
}

/** Runs vitest in a process group of its own, so that the limit also ends the runtimes it started. */
function runVitest(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(`${ROOT}node_modules/.bin/vitest`, vitestArgs(), {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    });
    const stop = (signal: NodeJS.Signals): void => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    };
    const limit = setTimeout(() => {
      console.error(`error: the tests were still running after ${LIMIT_SECONDS} s and were stopped.`);
      stop('SIGKILL');
    }, LIMIT_SECONDS * 1000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve(code ?? 1);
    });
  });
}

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(REPORT, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

/** One plain line that tools can read. */
function closingLine({ numPassedTests, numFailedTests, numPendingTests }: Report): string {
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
  return `${numPassedTests} passed, ${numFailedTests} failed${skipped}`;
}

mkdirSync(dirname(REPORT), { recursive: true });
rmSync(REPORT, { force: true });
const code = await runVitest();
const report = readReport();
if (code !== 0 && !report?.numFailedTests) {
  console.log(`error: the run failed outside of the tests (exit ${code}); the lines above say why.`);
}
if (report) console.log(closingLine(report));
process.exitCode = code;
