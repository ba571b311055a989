/** Reports an error: one sentence and a hint on stderr, and the exit code. */

import { CliError, EXIT_NEGATIVE, messageOf } from './base/exit.ts';
import { oneLine } from './base/one-line.ts';
import { isSystemError } from './base/system-error.ts';
import { printTold } from './output/context.ts';
import { paint, TextOutput } from './output/text-output.ts';

/** Prints the error and returns the exit code. */
export function report(error: unknown, asJson: boolean): number {
  const stderr = new TextOutput(process.stderr, process.env);
  const known = expectedError(error);
  const message = known?.message ?? `internal error: ${messageOf(error)}`;
  const hint = known === undefined ? 'This is a bug. Set ORP_DEBUG=1 to show where it happened.' : known.hint;
  if (asJson) {
    const document = { error: message, code: known?.code ?? 'internal', hint, ...known?.details };
    stderr.write(`${JSON.stringify(document)}\n`);
  } else {
    printTold(stderr, [paint('red', 'error:'), ` ${oneLine(message)}`], hint);
  }
  if (process.env.ORP_DEBUG && error instanceof Error) {
    const facts = Object.entries(known?.details ?? {}).map(([name, value]) => `${name}=${value}\n`);
    stderr.write(`${facts.join('')}${error.stack}\n`);
  }
  return known?.exitCode ?? EXIT_NEGATIVE;
}

/** Returns an expected error. Errors of the system are expected, because a full disk or a missing permission is not a bug. */
function expectedError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (!isSystemError(error)) return undefined;
  return new CliError(`${error.message}.`, {
    code: error.code.toLowerCase(),
    hint: 'Check the path, its permissions and the free disk space.',
    cause: error,
  });
}
