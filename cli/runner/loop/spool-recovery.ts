/**
 * Delivers the spools that the server has not acknowledged: from earlier runs, and from this run if a delivery took too long.
 * It repeats its rounds until no spool is left, however long an outage takes. It does not touch the spools of running jobs.
 */

import { messageOf } from '../../base/exit.ts';
import { retryPauseMs } from '../../base/pause.ts';
import type { Reporter } from '../../base/reporter.ts';
import { isLinkable, resolveRepo } from '../../git/repository.ts';
import { recordFinish } from '../../records/runtime.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type Recovered, type RecoveryOptions, recoverSpools } from '../lease/recovery.ts';
import { AdoptedJobs } from './adopted-jobs.ts';

/** The maximum time that new work waits for one round. */
const ROUND_MS = 60_000;

/** The functions that the work loop provides to the recovery. */
export interface RecoveryHost {
  /** Returns whether a running job uses this spool. */
  isBusy(folder: string): boolean;
  /** Aborts when the runner exits. The remaining spools wait for the next runner. */
  ending: AbortSignal;
  /** Settles after the pause. Settles earlier if another try may succeed, or if the runner exits. */
  pause(ms: number): Promise<void>;
}

export interface SpoolRecoveryOptions extends RecoveryHost {
  /** Returns the contexts of other runner paths on this machine, whose spools are delivered, too. */
  findOthers?(): readonly WorkContext[];
}

export class SpoolRecovery {
  readonly #context: WorkContext;
  readonly #reporter: Reporter;
  readonly #options: SpoolRecoveryOptions;
  readonly #adopted = new AdoptedJobs((recovered) => this.#recordOrTell(recovered));
  #running = Promise.resolve();
  #isRunning = false;
  /** True if another round was requested during a round, because the current round may have passed the new spool. */
  #isAskedAgain = false;

  constructor(context: WorkContext, options: SpoolRecoveryOptions) {
    this.#reporter = reportOnce(context.reporter);
    this.#context = { ...context, reporter: this.#reporter };
    this.#options = options;
  }

  /** Runs one round. Returns the number of spools that still wait for the server. */
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

  /** Runs the first round. If spools are left, further rounds run in the background. */
  async start(): Promise<void> {
    if ((await this.#recoverAllOrReport()) > 0) this.#goOn(1);
  }

  /** Runs rounds in the background until no spool is left. A call during a round adds another round. */
  runInBackground(): void {
    this.#goOn(0);
  }

  #goOn(roundsBefore: number): void {
    this.#isAskedAgain = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#untilNothingIsLeft(roundsBefore);
  }

  /** Settles when no round runs and every adopted job has ended. */
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
      this.#context.reporter.warn(`The spool could not be processed: ${messageOf(error)}`);
      return 1;
    }
  }

  /** Reports a local record that cannot be written. Such an error must not mark a delivered result as undelivered. */
  async #recordOrTell(recovered: Recovered): Promise<void> {
    try {
      await this.#recordRecovered(recovered);
    } catch (error) {
      this.#context.reporter.warn(
        `The local record of ${recovered.held.jobId} could not be written: ${messageOf(error)}`,
      );
    }
  }

  /** Updates `runtime.json` of the repository, which still shows the job as active. */
  async #recordRecovered({ held, repoRoot, result, delivery }: Recovered): Promise<void> {
    if (repoRoot === undefined || delivery.kind === 'pending') return;
    const repository = await resolveRepo(repoRoot, this.#context.env);
    if (!isLinkable(repository)) return;
    const finished = { status: result.outcome, summary: result.summary, error: result.error };
    await recordFinish(repository, { ...held, ...finished }, Date.now());
  }
}

/** Reports each sentence only once, because every round finds the same problems. */
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
