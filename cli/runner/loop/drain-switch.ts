/**
 * Makes a runner stop claiming: by a person or the system at this machine (`DrainSwitch`), or by the server (`DrainOrder`).
 * After an order by the server, the runner keeps running and claims again when the order ends. After the switch, the runner
 * exits:
 *
 *   working ──first Ctrl-C or SIGTERM──▶ draining (finish, claim nothing) ──second──▶ shutdown (stop the agents, report)
 *      └──terminal or reader gone──────────▲
 *
 * The runner notices a closed window several times: from the shell, from the system, and from each line that it cannot print.
 * A closed window only drains. To stop an agent, a person must first have seen that an agent is running.
 */

import { takeOverInterrupts } from '../../base/interrupt.ts';
import type { Reporter } from '../../base/reporter.ts';

/** The signals of Ctrl-C and of a stopping service. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class DrainSwitch {
  readonly #draining = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #reporter: Reporter;
  readonly #onSignal = () => this.press();
  readonly #onHangUp = () => this.hangUp();
  /** Returns the running jobs, for messages. */
  jobsAtWork: () => readonly string[] = () => [];

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Aborts when the runner must claim no more jobs. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Aborts when the agents must stop, too. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /**
   * Listens to the signals of this process. Returns a function that stops listening.
   *
   * A closed terminal matters only if the runner prints on it. With `nohup`, neither stream is a terminal. `nohup` also
   * ignores SIGHUP, but Node restores the default of every signal at its start.
   */
  listen(): () => void {
    const isOnTerminal = process.stdout.isTTY || process.stderr.isTTY;
    const onHangUp = isOnTerminal ? this.#onHangUp : goOn;
    const giveBack = takeOverInterrupts(this.#onHangUp);
    for (const name of SIGNALS) process.on(name, this.#onSignal);
    process.on('SIGHUP', onHangUp);
    return () => {
      for (const name of SIGNALS) process.off(name, this.#onSignal);
      process.off('SIGHUP', onHangUp);
      giveBack();
    };
  }

  /** Handles a signal. */
  press(): void {
    if (this.#shutdown.signal.aborted) return;
    if (this.#draining.signal.aborted) {
      this.#reporter.info(`Stopping the ${agents(this.jobsAtWork().length)} and reporting the results.`);
      this.#shutdown.abort();
      return;
    }
    this.#reporter.info(drainSentence(this.jobsAtWork()));
    this.#draining.abort();
  }

  /** Handles a closed terminal or reader. Further calls have no effect. */
  hangUp(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`The reader of the output has closed. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** Handles the end of terminal input (Ctrl-D), after which no question is possible. Further calls have no effect. */
  inputEnded(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`The terminal accepts no more input. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** Stops all claims without a signal. */
  drain(): void {
    this.#draining.abort();
  }
}

function goOn(): void {
  // Without a listener the signal would end the process.
}

function drainSentence(jobs: readonly string[]): string {
  if (jobs.length === 0) return 'Exiting; no job is running.';
  const what = jobs.length === 1 ? `job ${jobs[0]}` : `${jobs.length} jobs (${jobs.join(', ')})`;
  return `Finishing ${what}, then exiting; the runner claims no new jobs. Press Ctrl-C again to stop the ${agents(jobs.length)}.`;
}

function agents(count: number): string {
  return count > 1 ? 'agents' : 'agent';
}

/**
 * Tracks whether the server has drained this machine (`orp runner drain`). Every heartbeat answer says so, and the
 * channel reports a new drain order at once.
 */
export class DrainOrder {
  readonly #reporter: Reporter;
  #isGiven = false;
  #isKnown = false;
  /** Called when the order begins and when it ends. */
  onChange: ((isGiven: boolean) => void) | undefined;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Stores the state from the server, and reports each change once. */
  readonly note = (isGiven: boolean): void => {
    const isNews = isGiven !== this.#isGiven;
    // The first answer may differ from what an earlier runner has recorded.
    if (!isNews && this.#isKnown) return;
    this.#isKnown = true;
    this.#isGiven = isGiven;
    this.onChange?.(isGiven);
    if (!isNews) return;
    this.#reporter.info(
      isGiven
        ? 'This machine is drained: it finishes its jobs and claims no new ones. `orp runner resume` ends the drain.'
        : 'This machine claims jobs again.',
    );
  };
}
