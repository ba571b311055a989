/**
 * How a runner is asked to leave:
 *
 *   working ──first Ctrl-C or SIGTERM──▶ draining (finish, claim nothing) ──second──▶ shutdown (stop the agents, report)
 *      └──terminal or reader gone──────────▲
 *
 * A window that is closed says so several times: through the shell, through the system, and through every line that can no
 * longer be printed. It only ever drains; stopping an agent is for somebody who saw that one is at work.
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
  /** The jobs that are being worked on, for the sentence. */
  jobsAtWork: () => readonly string[] = () => [];

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Aborts when nothing more is to be claimed. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Aborts when the agents are to be stopped as well. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /**
   * Listens to the signals of this process until it is told to stop.
   *
   * The end of a terminal concerns a runner that prints on it. Any other goes on: `nohup` takes the terminal away from both
   * streams, and that it also has SIGHUP ignored is lost, because Node gives every signal its default back at the start.
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

  /** One signal more. */
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

  /** Nobody sees this runner any more; said again, it changes nothing. */
  hangUp(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`Nobody reads this any more. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** The terminal has no more input (Ctrl-D): nobody can be asked there. Said again, it changes nothing. */
  inputEnded(): void {
    if (this.#draining.signal.aborted) return;
    this.#reporter.info(`The terminal takes no more answers. ${drainSentence(this.jobsAtWork())}`);
    this.#draining.abort();
  }

  /** Claims nothing more, without a signal. */
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
