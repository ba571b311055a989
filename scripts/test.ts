/**
 * `npm test`: runs every test. workerd sometimes hangs, so a run is stopped if no test finishes for a while. A slow run
 * continues as long as tests finish, for an hour at most.
 *
 *   ORP_TEST_STALL_SECONDS   stop when no test has finished for this long (600)
 *   ORP_TEST_LIMIT_SECONDS   stop after this long in any case (3600)
 *   ORP_TEST_REPORT_SECONDS  how often to print the progress if the output is not a terminal (60)
 *
 * `--fast` (`npm run test:fast`) checks the types and runs the tests of the rules and those of the CLI that start no `orp`,
 * agent, terminal or server: see `testing/slow-tests.ts`. Other arguments go to vitest.
 */

import { projectPath } from './local/project-path.ts';
import { runProcess } from './local/run-process.ts';
import { slowTests } from './testing/slow-tests.ts';
import { type RunOutcome, runWatched } from './testing/watched-run.ts';

function fastArguments(): string[] {
  const left = ['test/contract/**', 'test/scripts/**', ...slowTests()];
  return ['--project=node', ...left.map((path) => `--exclude=${path}`)];
}

/** Checks the types of all programs and prints the errors. */
async function checkTypes(): Promise<boolean> {
  const command = [process.execPath, projectPath('scripts/check.ts'), '--types'];
  const { code, stdout, stderr } = await runProcess(command, { cwd: projectPath(''), env: process.env });
  if (code !== 0) console.error(`${stdout}${stderr}`.trimEnd());
  return code === 0;
}

function report({ progress, exitCode, stoppedBecause, running }: RunOutcome): void {
  if (stoppedBecause !== undefined) {
    console.error(`error: ${stoppedBecause}`);
    for (const line of running) console.error(`  running: ${line}`);
    for (const name of progress.failedTests) console.error(`  failed: ${name}`);
  } else if (exitCode !== 0 && progress.count('failed') === 0) {
    console.error(`error: the run failed outside of the tests (exit ${exitCode}); the lines above say why.`);
  }
}

function secondsFrom(name: string, otherwise: number): number {
  const seconds = Number(process.env[name] || otherwise);
  if (seconds > 0) return seconds;
  console.error(`error: ${name} must be a number of seconds above 0.`);
  process.exit(2);
}

const limits = {
  stallSeconds: secondsFrom('ORP_TEST_STALL_SECONDS', 600),
  totalSeconds: secondsFrom('ORP_TEST_LIMIT_SECONDS', 3600),
  reportSeconds: secondsFrom('ORP_TEST_REPORT_SECONDS', 60),
};
const words = process.argv.slice(2);
const isFast = words.includes('--fast');
const args = words.filter((word) => word !== '--fast');

const [outcome, areTypesRight] = await Promise.all([
  runWatched(isFast ? [...fastArguments(), ...args] : args, limits),
  isFast ? checkTypes() : true,
]);
report(outcome);
if (!areTypesRight) console.error('error: the types are wrong; the lines above say where.');
console.log(outcome.progress.closingLine());
process.exitCode = outcome.exitCode || (areTypesRight ? 0 : 1);
