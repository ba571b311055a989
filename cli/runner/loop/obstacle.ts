/** What keeps the runner from claiming: a runner that goes on waits it out, and a command that ends fails with it. */

import { exactDuration } from '../../base/duration.ts';
import { CliError, messageOf } from '../../base/exit.ts';
import type { Reporter } from '../../base/reporter.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import type { CurrentPause } from '../job/claim-pause.ts';
import type { UnansweredPoll } from './claimer.ts';

export interface Obstacle {
  /** For a runner that waits. */
  message: string;
  /** For a command that ends. */
  error: unknown;
  /** Nothing is wrong: the owner wants it so. */
  isWanted?: boolean;
  /** How long to wait; absent: longer after each attempt. */
  pauseMs?: number;
  /** The agent takes no work; the server shows this with the jobs that wait. */
  pause?: CurrentPause;
}

/** A full disk does not have room a second later. */
const FAILED_WORK_PAUSE_MS = 30_000;

/** A full disk, a lost permission: it may pass, and nobody restarts a runner at night. */
export function localObstacle(error: unknown): Obstacle {
  return { message: `${messageOf(error)} Trying again.`, error };
}

/** Nothing of a job could be written down, so it did not start. The next jobs would only end the same way. */
export function failedWorkObstacle(error: unknown): Obstacle {
  return { ...localObstacle(error), pauseMs: FAILED_WORK_PAUSE_MS };
}

/** A poll that brought no answer to work with. */
export function pollObstacle(poll: UnansweredPoll): Obstacle {
  return { message: waitSentence(poll), error: asError(poll) };
}

function waitSentence(poll: UnansweredPoll): string {
  switch (poll.kind) {
    case 'unauthenticated':
      return `${poll.message} The runner waits; sign in with \`orp auth login\`.`;
    case 'unavailable':
      return `${poll.message} Trying again until it answers.`;
    case 'refused':
      return poll.code === 'not_found' ? `${poll.message} Run \`orp runner sync\`.` : poll.message;
    case 'malformed':
      return `${poll.message}; it was left alone.`;
  }
}

function asError(poll: UnansweredPoll): CliError {
  const { message } = poll;
  switch (poll.kind) {
    case 'unauthenticated':
      return new CliError(message, {
        code: 'unauthenticated',
        hint: 'Run `orp auth login`.',
        details: poll.details,
      });
    case 'unavailable':
      return new CliError(message, {
        code: poll.code,
        hint: 'Nothing was claimed. Run it again later.',
        details: poll.details,
      });
    case 'refused':
      return new CliError(message, { code: poll.code, hint: hintOf(poll.code), details: poll.details });
    case 'malformed':
      return new CliError(waitSentence(poll), {
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

/** Reports an obstacle once when it begins and once when it is over, however often the runner tried. */
export class Outage {
  readonly #reporter: Reporter;
  #since: number | undefined;
  #attempt = 0;
  #message = '';

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Notes a failed attempt and returns its number in a row. Another reason is reported again. */
  note({ message, isWanted = false }: Pick<Obstacle, 'message' | 'isWanted'>): number {
    this.#attempt += 1;
    this.#since ??= performance.now();
    if (message !== this.#message) {
      // What the owner wants is not an error.
      if (isWanted) this.#reporter.info(message);
      else this.#reporter.warn(message);
    }
    this.#message = message;
    return this.#attempt;
  }

  /** The runner works; returns whether it did not before. */
  end(): boolean {
    if (this.#since === undefined) return false;
    this.#reporter.info(
      `The runner works again. It could not work for ${exactDuration(performance.now() - this.#since)}.`,
    );
    this.#since = undefined;
    this.#attempt = 0;
    this.#message = '';
    return true;
  }
}
