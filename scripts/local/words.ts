/** The words behind `npm run <script> --`: what cannot be understood ends in one sentence and a hint, never in a stack trace. */

import { parseArgs } from 'node:util';

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

/** An expected end: one sentence, one hint, exit code 2. */
export class UsageError extends Error {
  readonly hint: string;

  constructor(sentence: string, hint: string) {
    super(sentence);
    this.hint = hint;
  }
}

/**
 * Reads the options of a script; other words are refused, by name.
 * @param help the command that shows the usage
 */
export function readOptions<const Asked extends Options>(options: Asked, help: string) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(firstSentence(error), help);
  }
}

/** What Node says of words that it cannot parse. It adds how an argument that begins with a dash could be given; nobody here means that. */
export function firstSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = message] = message.split(/\.\s|\n/);
  return `${first.replace(/\.$/, '')}.`;
}

/** Runs a script to its exit code; an expected end prints its sentence and its hint. Other errors are bugs and keep their stack. */
export async function runScript(main: () => Promise<number> | number): Promise<number> {
  try {
    return await main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}\nhint: ${error.hint}`);
    return 2;
  }
}
