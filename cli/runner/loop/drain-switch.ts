/**
 * What ends the claims of a runner: a person or the system here (`DrainSwitch`), or the server (`DrainOrder`). After an order
 * the runner stays, and claims again when the order is taken back. The switch makes it leave:
 *
 *   working ──first Ctrl-C or SIGTERM──▶ draining (finish, claim nothing) ──second──▶ shutdown (stop the agents, report)
 *      └──terminal or reader gone──────────▲
 *
 * A closed window is noticed several times: through the shell, through the system, and through every line that can no longer
 * be printed. It only drains: a person who stops an agent must have seen that one is at work.
 */

import { takeOverInterrupts } from '../../base/interrupt.ts';
import type { Reporter } from '../../base/reporter.ts';

/** Ctrl-C, and the end of a service. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class DrainSwitch {
  readonly #draining = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #reporter: Reporter;
  readonly #onSignal = () => this.press();
  readonly #onHangUp = () => this.hangUp();
  /** The jobs that are at work, for sentences. */
  jobsAtWork: () => readonly string[] = () => [];

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Aborts when the runner must claim no more jobs. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Aborts when the agents must stop as well. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /**
   * Listens to the signals of this process; returns what ends that.
   *
   * The end of a terminal concerns only a runner that prints on it. `nohup` takes the terminal away from both streams. It also
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

  /** Another signal has arrived. */
  press(): void {
    if (this.#shutdown.signal.aborted) return;
    if (this.#draining.signal.aborted) {
      this.#reporter.info(`Stopping the ${agents(this.jobsAtWork().length)} and reporting; a moment.`);
      this.#shutdown.abort();
      return;
    }
    this.#reporter.info(drainSentence(this.jobsAtWork()));
    this.#draining.abort();
  }

  /** Nobody sees this runner now. Further calls change nothing. */
  hangUp(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`The output has no reader any more. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** The terminal has no more input (Ctrl-D), so nobody can be asked there. Further calls change nothing. */
  inputEnded(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`The terminal takes no more answers. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** Ends all claims, without a signal. */
  drain(): void {
    this.#draining.abort();
  }
}

function goOn(): void {
  // Without a listener the signal would end the process.
}

function drainSentence(jobs: readonly string[]): string {
  if (jobs.length === 0) return 'Leaving; nothing is at work.';
  const what = jobs.length === 1 ? `job ${jobs[0]}` : `${jobs.length} jobs (${jobs.join(', ')})`;
  return `Finishing ${what}, then leaving; nothing more is claimed. Once more stops the ${agents(jobs.length)}.`;
}

function agents(count: number): string {
  return count > 1 ? 'agents' : 'agent';
}

/**
 * Whether the server tells this machine to claim nothing (`orp runner drain`). Every heartbeat reply says so, and the channel
 * reports a new order at once.
 */
export class DrainOrder {
  readonly #reporter: Reporter;
  #isGiven = false;
  #isKnown = false;
  /** Called when the order is given and when it is taken back. */
  onChange: ((isGiven: boolean) => void) | undefined;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Takes what the server says, and reports a change once. */
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
        ? 'This machine is drained: it finishes its work and claims nothing more. `orp runner resume` lets it go on.'
        : 'This machine claims jobs again.',
    );
  };
}
