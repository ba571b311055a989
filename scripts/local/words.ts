/** Reads the options after `npm run <script> --`. An invalid option causes one sentence and a hint, never a stack trace. */

import { parseArgs } from 'node:util';

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

/** An expected error: one sentence, one hint, exit code 2. */
export class UsageError extends Error {
  readonly hint: string;

  constructor(sentence: string, hint: string) {
    super(sentence);
    this.hint = hint;
  }
}

/**
 * Reads the options of a script. Refuses unknown options and names them.
 * @param help the command that shows the usage
 */
export function readOptions<const Asked extends Options>(options: Asked, help: string) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(firstSentence(error), help);
  }
}

/** The first sentence of Node's parse error. The rest is about arguments that begin with a dash, which no script has. */
export function firstSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = message] = message.split(/\.\s|\n/);
  return `${first.replace(/\.$/, '')}.`;
}

/**
 * Runs a script and returns its exit code. Prints an expected error as a sentence and a hint. Other errors keep their stack
 * trace.
 */
export async function runScript(main: () => Promise<number> | number): Promise<number> {
  try {
    return await main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}\nhint: ${error.hint}`);
    return 2;
  }
}
