/** A bulk order that a person is preparing. The URL holds its filter. Its name and reason follow in the form. */

import type { FormValues } from '../frame/form.ts';

const FILTER_KEYS = ['account', 'status', 'kind', 'ideaId', 'machineId'] as const;

export interface BulkDraft {
  action: string;
  filter: Partial<Record<(typeof FILTER_KEYS)[number], string>>;
  name: string;
  reason: string | undefined;
  /** True if the person has asked how many jobs match. */
  isAsked: boolean;
}

export function draftIn(query: URLSearchParams): BulkDraft {
  return draftFrom((name) => query.get(name)?.trim() || undefined, query.has('action'));
}

export function draftOf(form: FormValues): BulkDraft {
  return draftFrom((name) => form.line(name), true);
}

function draftFrom(read: (name: string) => string | undefined, isAsked: boolean): BulkDraft {
  const set = FILTER_KEYS.flatMap((key) => {
    const value = read(key);
    return value === undefined ? [] : [[key, value]];
  });
  return {
    action: read('action') ?? 'cancel',
    filter: Object.fromEntries(set),
    name: read('name') ?? '',
    reason: read('reason'),
    isAsked,
  };
}
