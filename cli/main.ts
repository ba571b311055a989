/**
 * Starts `orp`, prints its error if there is one, and sets the exit code. No other file prints errors or sets the exit
 * code.
 */

import { endOnInterrupt, endWithoutReader } from './base/interrupt.ts';
import { clientVersion, heardVersions } from './base/version.ts';
import { isNodeNewEnough, requireNode } from './node-version.ts';

/** Runs the command line of this process. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${clientVersion(process.env)}\n`);
    return 0;
  }
  const [, script = ''] = process.argv;
  if (!isNodeNewEnough(process.versions.node)) {
    // Loaded only when needed, so that a start with the right Node stays fast.
    const { ownNode, relaunch } = await import('./relaunch.ts');
    const node = ownNode(script);
    if (node !== undefined) return relaunch(node, script, argv);
  }
  requireNode(process.versions.node);
  const surroundings = streams();
  const asked = argv.join(' ');
  if (asked === 'runner status' || asked === 'runner status --json') {
    const { plainStatus } = await import('./plain-status.ts');
    return plainStatus(surroundings, asked.endsWith('--json'));
  }
  if (asked.startsWith('runner work')) keepHeapSmall();
  const { runProgram } = await import('./program.ts');
  return runProgram(argv, surroundings);
}

/**
 * Keeps the young generation at its first size, which saves 4 MB in a runner that waits. The service does the same with
 * `HEAP_FLAGS`, which Node accepts only when it starts. Call this before the chunks are loaded, because loading them lets
 * the young generation grow.
 */
function keepHeapSmall(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}

function streams() {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    now: Date.now,
  };
}

/**
 * Returns whether the user asked for JSON. Works before the options are parsed, and for a shortened `--json`. `--fields` and `--jq` imply
 * `--json`.
 */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv
    .slice(0, end === -1 ? argv.length : end)
    .some((word) => /^--(js(o|on)?$|(fields|jq)(=|$))/.test(word));
}

process.stdout.on('error', endWithoutReader);
process.stderr.on('error', endWithoutReader);

endOnInterrupt();

const argv = process.argv.slice(2);
let hasFailed = false;
try {
  process.exitCode = await main(argv);
} catch (error) {
  const { report } = await import('./report-error.ts');
  process.exitCode = report(error, asksForJson(argv));
  hasFailed = true;
}

if (heardVersions() !== undefined && !asksForJson(argv)) {
  const { giveNotice } = await import('./report-error.ts');
  await giveNotice(streams(), { hasFailed });
}

/** An open socket must not keep a finished command alive. */
setTimeout(() => process.exit(), 250).unref();
