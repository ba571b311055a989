/**
 * `npm test`: every test project under a hard time limit. A test run inside workerd is known to hang for good now and then;
 * a run that can hang for ever tells nobody anything. Arguments are passed on to vitest.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
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

/** One plain line that tools can read; null when the run did not get as far as a report. */
function closingLine(): string | null {
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8')) as Report;
    const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
    return `${report.numPassedTests} passed, ${report.numFailedTests} failed${skipped}`;
  } catch {
    return null;
  }
}

mkdirSync(new URL('./', `file://${REPORT}`), { recursive: true });
rmSync(REPORT, { force: true });
const code = await runVitest();
console.log(closingLine() ?? 'error: the test run ended without a report.');
process.exitCode = code;
