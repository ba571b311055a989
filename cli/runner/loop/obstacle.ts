/** The reason why the runner cannot claim. A continuous runner waits until it is gone; `--once` fails with it. */

import { exactDuration } from '../../base/duration.ts';
import { CliError, messageOf } from '../../base/exit.ts';
import type { Reporter } from '../../base/reporter.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import type { ShownPause } from '../job/claim-pause.ts';
import type { UnansweredPoll } from './claimer.ts';

export interface Obstacle {
  /** The message of a continuous runner. */
  message: string;
  /** The error of `--once`. */
  error: unknown;
  /** True if the owner wants this, for example during quiet hours. */
  isWanted?: boolean;
  /** How long to wait. If absent, the pauses grow with each attempt. */
  pauseMs?: number;
  /** Set if the agent cannot take work, or the policy allows none now. The server shows it with the waiting jobs. */
  pause?: ShownPause;
}

/** A long pause, because a full disk has no space a second later. */
const FAILED_WORK_PAUSE_MS = 30_000;

/** The obstacle for a local error such as a full disk. The runner waits, because the error may pass. */
export function localObstacle(error: unknown): Obstacle {
  return { message: `${messageOf(error)} Trying again.`, error };
}

/** The obstacle after a job that could not be recorded and so did not start. The next jobs would fail in the same way. */
export function failedWorkObstacle(error: unknown): Obstacle {
  return { ...localObstacle(error), pauseMs: FAILED_WORK_PAUSE_MS };
}

/** The obstacle after a poll without a usable answer. */
export function pollObstacle(poll: UnansweredPoll): Obstacle {
  return { message: waitSentence(poll), error: asError(poll) };
}

function waitSentence(poll: UnansweredPoll): string {
  switch (poll.kind) {
    case 'unauthenticated':
      return `${poll.message} The runner waits; sign in with \`orp auth login\`.`;
    case 'unavailable':
      return `${poll.message} Retrying until the server answers.`;
    case 'refused':
      return poll.code === 'not_found' ? `${poll.message} Run \`orp runner sync\`.` : poll.message;
    case 'malformed':
      return `${poll.message}; the runner ignored it.`;
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
        hint: 'No job was started on this machine. Check the base URL, and check that this `orp` is up to date.',
      });
  }
}

function hintOf(code: string): string {
  switch (code) {
    case 'not_found':
      return 'Run `orp runner sync`, so that the server knows this machine.';
    case NOT_OFFERED:
      return 'No request was sent and nothing was claimed. Without --dry-run a job is claimed and runs.';
    default:
      return 'Nothing was claimed. `orp whoami` and `orp runner status` show which account and machine asked.';
  }
}

/** Reports an obstacle once when it begins and once when it ends, however often the runner tries. */
export class Outage {
  readonly #reporter: Reporter;
  #since: number | undefined;
  #attempt = 0;
  #message = '';

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Records a failed attempt and returns the number of failures in a row. Reports again if the reason has changed. */
  note({ message, isWanted = false }: Pick<Obstacle, 'message' | 'isWanted'>): number {
    this.#attempt += 1;
    this.#since ??= performance.now();
    if (message !== this.#message) {
      // A pause that the owner wants is not a warning.
      if (isWanted) this.#reporter.info(message);
      else this.#reporter.warn(message);
    }
    this.#message = message;
    return this.#attempt;
  }

  /** Records that the runner works. Returns whether there was an obstacle before. */
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
