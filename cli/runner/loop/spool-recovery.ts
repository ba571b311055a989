/**
 * Delivers what is on the disk and not yet acknowledged: what an earlier run left, and what this one could not deliver in
 * time. It repeats its rounds until nothing is left, however long the server is away, and leaves jobs at work alone.
 */

import { messageOf } from '../../base/exit.ts';
import { retryPauseMs } from '../../base/pause.ts';
import type { Reporter } from '../../base/reporter.ts';
import { isLinkable, resolveRepo } from '../../git/repository.ts';
import { recordFinish } from '../../records/runtime.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type Recovered, type RecoveryOptions, recoverSpools } from '../lease/recovery.ts';
import { AdoptedJobs } from './adopted-jobs.ts';

/** New work must not wait longer than this for one round. */
const ROUND_MS = 60_000;

/** What the loop that a recovery belongs to tells it. */
export interface RecoveryHost {
  /** Whether a job at work has this spool. */
  isBusy(folder: string): boolean;
  /** The runner ends: what is left waits for the next one. */
  ending: AbortSignal;
  /** Settles after the pause, or earlier when it is worth trying again or the runner ends. */
  pause(ms: number): Promise<void>;
}

export interface SpoolRecoveryOptions extends RecoveryHost {
  /** Other paths of this machine whose spools are delivered as well. */
  findOthers?(): readonly WorkContext[];
}

export class SpoolRecovery {
  readonly #context: WorkContext;
  readonly #reporter: Reporter;
  readonly #options: SpoolRecoveryOptions;
  readonly #adopted = new AdoptedJobs((recovered) => this.#recordOrTell(recovered));
  #running = Promise.resolve();
  #isRunning = false;
  /** Asked during a round: a spool that this round has passed may have been left since. */
  #isAskedAgain = false;

  constructor(context: WorkContext, options: SpoolRecoveryOptions) {
    this.#reporter = reportOnce(context.reporter);
    this.#context = { ...context, reporter: this.#reporter };
    this.#options = options;
  }

  /** One round. Returns how many spools still wait for the server. */
  async recoverAll(): Promise<number> {
    const { ending, findOthers } = this.#options;
    const isBusy = (folder: string) => this.#options.isBusy(folder) || this.#adopted.isBusy(folder);
    const adopt: RecoveryOptions['adopt'] = (context, left) => this.#adopted.adopt(context, left);
    const signal = AbortSignal.any([ending, AbortSignal.timeout(ROUND_MS)]);
    const onRecovered = (recovered: Recovered) => this.#recordOrTell(recovered);
    let left = 0;
    for (const context of [this.#context, ...(findOthers?.() ?? [])]) {
      left += await recoverSpools(
        { ...context, reporter: this.#reporter },
        { isBusy, signal, adopt, onRecovered },
      );
    }
    return left;
  }

  /** The first round; if something is left, the others follow in the background. */
  async start(): Promise<void> {
    if ((await this.#recoverAllOrReport()) > 0) this.#goOn(1);
  }

  /** Runs rounds in the background until nothing is left. Called during a round, it adds another one. */
  runInBackground(): void {
    this.#goOn(0);
  }

  #goOn(roundsBefore: number): void {
    this.#isAskedAgain = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#untilNothingIsLeft(roundsBefore);
  }

  /** Settles when no round runs, and every adopted job has ended. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#adopted.settled();
  }

  async #untilNothingIsLeft(roundsBefore: number): Promise<void> {
    const { pause, ending } = this.#options;
    for (let rounds = roundsBefore; !ending.aborted; rounds += 1) {
      if (rounds > 0) await pause(retryPauseMs(rounds));
      this.#isAskedAgain = false;
      if (ending.aborted) break;
      if ((await this.#recoverAllOrReport()) === 0 && !this.#isAskedAgain) break;
    }
    this.#isRunning = false;
  }

  async #recoverAllOrReport(): Promise<number> {
    try {
      return await this.recoverAll();
    } catch (error) {
      this.#context.reporter.warn(`The spool could not be looked after: ${messageOf(error)}`);
      return 1;
    }
  }

  /** Local records are for people to read: a record that cannot be written must not make a delivered result look owed. */
  async #recordOrTell(recovered: Recovered): Promise<void> {
    try {
      await this.#recordRecovered(recovered);
    } catch (error) {
      this.#context.reporter.warn(
        `The local record of ${recovered.held.jobId} could not be written: ${messageOf(error)}`,
      );
    }
  }

  /** The repository's runtime still names the job as active. */
  async #recordRecovered({ held, repoRoot, result, delivery }: Recovered): Promise<void> {
    if (repoRoot === undefined || delivery.kind === 'pending') return;
    const repository = await resolveRepo(repoRoot, this.#context.env);
    if (!isLinkable(repository)) return;
    const finished = { status: result.outcome, summary: result.summary, error: result.error };
    await recordFinish(repository, { ...held, ...finished }, Date.now());
  }
}

/** Every round of a night finds the same; this reports each sentence once. */
function reportOnce(reporter: Reporter): Reporter {
  const said = new Set<string>();
  const ifNew = (say: (text: string) => void) => (text: string) => {
    if (said.size > SENTENCES_KEPT) said.clear();
    if (!said.has(text)) say(text);
    said.add(text);
  };
  return { info: ifNew((text) => reporter.info(text)), warn: ifNew((text) => reporter.warn(text)) };
}

const SENTENCES_KEPT = 1000;
