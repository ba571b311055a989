/** How a command ends: one error class, and the exit codes (0: it ran, and its result is positive). */

/** The command ran, and its result is negative. */
export const EXIT_NEGATIVE = 1;
/** An expected error: wrong usage, a missing precondition, a refusal of the service. */
const EXIT_ERROR = 2;
/** Interrupted from the keyboard. */
export const EXIT_INTERRUPTED = 130;

interface Advice {
  /** What a script branches on: snake case, names the outcome. */
  code: string;
  /** What to do about it. */
  hint?: string | undefined;
  cause?: unknown;
  /** 2 unless said otherwise. */
  exitCode?: number;
  /** Facts for programs and for whoever looks for the cause: shown with `--json` and with `ORP_DEBUG=1`. */
  details?: Readonly<Record<string, string | number>> | undefined;
}

/** An expected end of a command: one sentence, one hint, exit 2. `main` is the only one who prints it and exits. */
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

/** The command line itself is wrong. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { code: 'usage', hint });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
