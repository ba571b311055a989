/** What keeps a look from being work, in sentences: for a runner that goes on, and for one that leaves. */

import { exactDuration } from '../../base/duration.ts';
import { CliError } from '../../base/exit.ts';
import type { Reporter } from '../../base/reporter.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import type { PollResult } from './claimer.ts';

/** What keeps the runner from working; undefined when nothing does. */
export function describeObstacle(look: PollResult): string | undefined {
  switch (look.kind) {
    case 'unauthenticated':
      return `${look.message} The runner waits; sign in with \`orp auth login\`.`;
    case 'unavailable':
      return `${look.message} Trying again until it answers.`;
    case 'refused':
      return look.code === 'not_found' ? `${look.message} Run \`orp runner sync\`.` : look.message;
    case 'malformed':
      return `${look.message}; it was left alone.`;
    default:
      return undefined;
  }
}

/** The same as the end of a command. */
export function asError(look: PollResult): CliError {
  switch (look.kind) {
    case 'unauthenticated':
      return new CliError(look.message, {
        code: 'unauthenticated',
        hint: 'Run `orp auth login`.',
        details: look.details,
      });
    case 'unavailable':
      return new CliError(look.message, {
        code: look.code,
        hint: 'Nothing was claimed. Run it again later.',
        details: look.details,
      });
    case 'refused':
      return new CliError(look.message, { code: look.code, hint: hintOf(look.code), details: look.details });
    default:
      return new CliError(describeObstacle(look) ?? 'The service gave no answer.', {
        code: 'unexpected_answer',
        hint: 'Nothing was started here. Check the base URL and that this `orp` is up to date.',
      });
  }
}

function hintOf(code: string): string {
  switch (code) {
    case 'not_found':
      return 'Run `orp runner sync`, so that the server knows this machine.';
    case NOT_OFFERED:
      return 'Nothing was asked and nothing was claimed. Without --dry-run a job is claimed and runs.';
    default:
      return 'Nothing was claimed. `orp whoami` and `orp runner status` show which account and machine asked.';
  }
}

/** Says that something does not work once when it begins and once when it is over, however often it was tried. */
export class Outage {
  readonly #reporter: Reporter;
  #since: number | undefined;
  #attempt = 0;
  #message = '';

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Notes a failed try and returns which one in a row it was. Another reason is said again. */
  note({ message, isWanted = false }: { message: string; isWanted?: boolean }): number {
    this.#attempt += 1;
    this.#since ??= performance.now();
    if (message !== this.#message) {
      // What the owner wants is no error.
      if (isWanted) this.#reporter.info(message);
      else this.#reporter.warn(message);
    }
    this.#message = message;
    return this.#attempt;
  }

  /** It works; true when it did not before. */
  end(): boolean {
    if (this.#since === undefined) return false;
    this.#reporter.info(`Working again after ${exactDuration(performance.now() - this.#since)}.`);
    this.#since = undefined;
    this.#attempt = 0;
    this.#message = '';
    return true;
  }
}
