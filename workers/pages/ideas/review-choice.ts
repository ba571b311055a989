/** The choices in the form that queues a review. */

import type { FormValues } from '../frame/form.ts';

/** The parts of the context, with their labels in the form. */
export const PARTS = {
  includeIdeaTitle: 'The title',
  includeCorePlan: 'The plan',
  includeGithub: 'The GitHub address',
  includeRepoBinding: 'The repository',
  includePreviousResponseSummaries: 'Summaries of earlier reviews',
} as const;
export type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as Part[];

export interface Choice {
  /** The idempotency key. The form contains it, so that a form that is sent twice queues one review. */
  key: string;
  parts: readonly Part[];
  features: readonly string[];
  note: string;
}

/** Returns the choices that `orp checkpoint queue` makes without flags. */
export function defaultChoice(): Choice {
  const parts = PART_NAMES.filter((name) => name !== 'includePreviousResponseSummaries');
  return { key: crypto.randomUUID(), parts, features: [], note: '' };
}

export function choiceOf(form: FormValues): Choice {
  return {
    key: form.line('key')?.slice(0, 128) ?? crypto.randomUUID(),
    parts: PART_NAMES.filter((name) => form.has(name)),
    features: form.all('feature'),
    note: form.text('note'),
  };
}

/** Converts the choices to the `contextSelection` of the API. */
export function selectionOf({ parts, features, note }: Choice) {
  const chosen = Object.fromEntries(PART_NAMES.map((name) => [name, parts.includes(name)]));
  return { ...chosen, featureIds: features, userNote: note };
}
