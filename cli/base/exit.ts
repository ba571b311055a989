/** The error class and the exit codes of commands. 0 means that the command ran with a positive result. */

/** The command ran with a negative result. */
export const EXIT_NEGATIVE = 1;
/** An expected error: wrong usage, a missing precondition, a refusal by the server. */
const EXIT_ERROR = 2;
/** A time limit ended the command, as with `timeout` of the shell. */
export const EXIT_TIME_LIMIT = 124;
/** Interrupted from the keyboard. */
export const EXIT_INTERRUPTED = 130;

interface Advice {
  /** The error code for scripts: a name of the outcome, in snake case. */
  code: string;
  /** A sentence that says what the user can do. */
  hint?: string | undefined;
  cause?: unknown;
  /** Default: 2. */
  exitCode?: number;
  /** Details for programs and debugging: shown with `--json` and `ORP_DEBUG=1`. */
  details?: Readonly<Record<string, string | number>> | undefined;
}

/** An expected error: one sentence, one hint, exit code 2. Only `main` prints it and exits. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(message: string, advice: Advice) {
    super(message, advice.cause === undefined ? undefined : { cause: advice.cause });
    this.exitCode = advice.exitCode ?? EXIT_ERROR;
    this.code = advice.code;
    this.hint = advice.hint;
    this.details = advice.details ?? {};
  }
}

/** An error in the command line. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { code: 'usage', hint });
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
