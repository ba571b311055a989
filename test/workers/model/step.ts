/** What a step of a run is. */

import fc from 'fast-check';
import type { Real } from './agreement.ts';
import { agree, tick } from './agreement.ts';
import type { Model } from './queue-model.ts';

export type Step = fc.AsyncCommand<Model, Real>;

interface StepParts {
  label: string;
  may?: (model: Readonly<Model>) => boolean;
  run(model: Model, real: Real): Promise<void>;
}

/** After every step the clock moves a millisecond, so that ids are ordered, and both sides must agree. */
export function step({ label, may, run }: StepParts): Step {
  return {
    check: (model) => may?.(model) ?? true,
    async run(model, real) {
      await run(model, real);
      await agree(model, real);
      tick(model, 1);
    },
    toString: () => label,
  };
}

export const index = fc.nat({ max: 5 });
/** Of what happened lately, the last one most of all. */
export const newest = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
export const hasJobs = (model: Readonly<Model>) => model.jobs.length > 0;
export const hasLeases = (model: Readonly<Model>) => model.leases.length > 0;

export function at<T>(list: readonly T[], position: number): T {
  const found = list[position % list.length];
  if (found === undefined) throw new Error('the list is empty');
  return found;
}

/** The newest are the ones most likely to matter. */
export function recent<T>(list: readonly T[], position: number): T {
  return at([...list].reverse(), position);
}
