/**
 * How a runner is asked to leave:
 *
 *   working ──first Ctrl-C or SIGTERM──▶ draining (finish, claim nothing) ──second──▶ shutdown (stop the agents, report)
 */

import { takeOverInterrupts } from '../interrupt.ts';
import type { Talk } from './work-context.ts';

/** Ctrl-C, the end of a service, and the window of the terminal being closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class DrainSwitch {
  readonly #draining = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #talk: Talk;
  readonly #onSignal = () => this.press();
  /** The jobs that are being worked on, for the sentence. */
  jobsAtWork: () => readonly string[] = () => [];

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  /** Aborts when nothing more is to be claimed. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Aborts when the agents are to be stopped as well. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /** Listens to the signals of this process until it is told to stop. */
  listen(): () => void {
    const giveBack = takeOverInterrupts();
    for (const name of SIGNALS) process.on(name, this.#onSignal);
    return () => {
      for (const name of SIGNALS) process.off(name, this.#onSignal);
      giveBack();
    };
  }

  /** One signal more. */
  press(): void {
    if (this.#shutdown.signal.aborted) return;
    if (this.#draining.signal.aborted) {
      this.#talk.note(`Stopping the ${agents(this.jobsAtWork().length)} and reporting; a moment.`);
      this.#shutdown.abort();
      return;
    }
    this.#talk.note(drainSentence(this.jobsAtWork()));
    this.#draining.abort();
  }

  /** Claims nothing more, without a signal. */
  drain(): void {
    this.#draining.abort();
  }
}

function drainSentence(jobs: readonly string[]): string {
  if (jobs.length === 0) return 'Leaving; nothing is at work.';
  const what = jobs.length === 1 ? `job ${jobs[0]}` : `${jobs.length} jobs (${jobs.join(', ')})`;
  return `Finishing ${what}, then leaving; nothing more is claimed. Once more stops the ${agents(jobs.length)}.`;
}

function agents(count: number): string {
  return count > 1 ? 'agents' : 'agent';
}
