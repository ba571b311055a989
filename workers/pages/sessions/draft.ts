/**
 * The draft of a prompt, and its conversion to a job. People choose times as durations, because the server does not know
 * the time zone of the browser.
 */

import type { FormValues } from '../frame/form.ts';

export interface Draft {
  prompt: string;
  /** The idempotency key. The form contains it, so that a form that is sent twice queues one job. */
  key: string;
  machineId: string;
  projectRoot: string;
  orpSessionId: string;
  priority: string;
  notBefore: string;
  expires: string;
  onLeaseLoss: string;
  sessionFallback: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const CHOICES = {
  priority: [
    { value: '0', label: 'Normal' },
    { value: '10', label: 'Before my other jobs' },
    { value: '-10', label: 'After my other jobs' },
  ],
  notBefore: [
    { value: '0', label: 'As soon as possible' },
    { value: '1', label: 'Not before 1 hour from now' },
    { value: '3', label: 'Not before 3 hours from now' },
    { value: '8', label: 'Not before 8 hours from now' },
    { value: '24', label: 'Not before tomorrow at this time' },
  ],
  expires: [
    { value: '1', label: 'Drop it after 1 hour of waiting' },
    { value: '24', label: 'Drop it after 1 day of waiting' },
    { value: '168', label: 'Drop it after 7 days of waiting' },
    { value: '720', label: 'Drop it after 30 days of waiting' },
  ],
  onLeaseLoss: [
    { value: 'hold', label: 'Wait for the machine, or for me' },
    { value: 'requeue', label: 'Run it again (it may run twice)' },
  ],
  sessionFallback: [
    { value: 'none', label: 'Wait for this session' },
    { value: 'primary', label: 'Use the primary session of the repository' },
  ],
} as const;
export type ChoiceName = keyof typeof CHOICES;

export function emptyDraft(): Draft {
  return {
    prompt: '',
    key: crypto.randomUUID(),
    machineId: '',
    projectRoot: '',
    orpSessionId: '',
    priority: '0',
    notBefore: '0',
    expires: '168',
    onLeaseLoss: 'hold',
    sessionFallback: 'none',
  };
}

export function draftOf(form: FormValues): Draft {
  const draft = emptyDraft();
  for (const name of Object.keys(draft) as (keyof Draft)[]) {
    if (name === 'prompt') draft.prompt = form.text('prompt');
    else draft[name] = form.line(name)?.slice(0, 4096) ?? draft[name];
  }
  return draft;
}

/**
 * Converts the form to the body of `POST /api/cli/runner/jobs`, whose schema then checks the values. Times are rounded to
 * minutes, so that a form that is sent twice has the same body.
 */
export function orderOf(draft: Draft, { sessionId, now }: { sessionId: string; now: number }): object {
  const startsAt = Math.ceil(now / MINUTE_MS) * MINUTE_MS + Number(draft.notBefore) * HOUR_MS;
  return {
    prompt: draft.prompt,
    machineId: draft.machineId,
    projectRoot: draft.projectRoot,
    orpSessionId: draft.orpSessionId,
    codexSessionId: sessionId,
    priority: Number(draft.priority),
    notBefore: draft.notBefore === '0' ? undefined : instant(startsAt),
    expiresAt: instant(startsAt + Number(draft.expires) * HOUR_MS),
    onLeaseLoss: draft.onLeaseLoss,
    sessionFallback: draft.sessionFallback,
  };
}

/** Converts a time to text. The schema rejects invalid times later. */
function instant(at: number): string {
  return Number.isFinite(at) && Math.abs(at) < 8e15 ? new Date(at).toISOString() : String(at);
}
