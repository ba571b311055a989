/** Starts `orp`, prints its error if there is one, and sets the exit code. The only place that does either. */

import { CliError, EXIT_NEGATIVE, messageOf } from './exit.ts';
import { endOnInterrupt, endWithoutReader } from './interrupt.ts';
import { isNodeNewEnough, requireNode } from './node-version.ts';
import { isSystemError } from './system-error.ts';
import { clientVersion } from './version.ts';

/** Runs the command line of this process. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${clientVersion(process.env)}\n`);
    return 0;
  }
  const [, script = ''] = process.argv;
  if (!isNodeNewEnough(process.versions.node)) {
    // Loaded only where it is needed: a start with the right Node stays fast.
    const { ownNode, relaunch } = await import('./relaunch.ts');
    const node = ownNode(script);
    if (node !== undefined) return relaunch(node, script, argv);
  }
  requireNode(process.versions.node);
  const surroundings = {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    now: Date.now,
  };
  const asked = argv.join(' ');
  if (asked === 'runner status' || asked === 'runner status --json') {
    const { plainStatus } = await import('./plain-status.ts');
    return plainStatus(surroundings, asked.endsWith('--json'));
  }
  const { runProgram } = await import('./program.ts');
  return runProgram(argv, surroundings);
}

function report(error: unknown, asJson: boolean): number {
  const known = expectedError(error);
  const message = known?.message ?? `internal error: ${messageOf(error)}`;
  const hint = known === undefined ? 'This is a bug. ORP_DEBUG=1 shows where it happened.' : known.hint;
  if (asJson) {
    const document = { error: message, code: known?.code ?? 'internal', hint, ...known?.details };
    process.stderr.write(`${JSON.stringify(document)}\n`);
  } else {
    process.stderr.write(`error: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
  }
  if (process.env.ORP_DEBUG && error instanceof Error) {
    const facts = Object.entries(known?.details ?? {}).map(([name, value]) => `${name}=${value}\n`);
    process.stderr.write(`${facts.join('')}${error.stack}\n`);
  }
  return known?.exitCode ?? EXIT_NEGATIVE;
}

/** Our own errors, and those of the system: a full disk or a missing permission is nobody's bug. */
function expectedError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (!isSystemError(error)) return undefined;
  return new CliError(`${error.message}.`, {
    code: error.code.toLowerCase(),
    hint: 'The system refused this: check the path, its permissions and the free space.',
    cause: error,
  });
}

/** Also before the options are understood, and for a shortened `--json`. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).some((word) => /^--js(o|on)?$/.test(word));
}

process.stdout.on('error', endWithoutReader);
process.stderr.on('error', endWithoutReader);

endOnInterrupt();

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error, asksForJson(process.argv.slice(2)));
}

/** An open socket, whose other side is slow to say goodbye, never keeps a finished command alive. */
setTimeout(() => process.exit(), 250).unref();
