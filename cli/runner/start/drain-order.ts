/**
 * Whether the server tells this machine to claim nothing (`orp runner drain`). Every answered heartbeat says it, and the
 * channel says when the order is given; whoever shows the runner reads it here.
 */

import type { Reporter } from '../../base/reporter.ts';

export class DrainOrder {
  readonly #reporter: Reporter;
  #isGiven = false;
  #isKnown = false;
  /** Told when the order is given and when it is taken back. */
  onChange: ((isGiven: boolean) => void) | undefined;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Takes what the server says; news are told once. */
  readonly note = (isGiven: boolean): void => {
    const isNews = isGiven !== this.#isGiven;
    // The first answer is news for whoever recorded what was so before this runner.
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
