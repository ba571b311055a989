/** A status as a word with a color. The word is enough, so people who cannot see colors lose nothing. */

import type { Child } from 'hono/jsx';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm';

const TONES: Readonly<Record<string, Tone>> = {
  completed: 'good',
  failed: 'bad',
  lost: 'warn',
  running: 'busy',
  dispatched: 'busy',
};

export function Badge({ tone, children }: { tone: Tone; children: Child }) {
  return <span class={`badge badge-${tone}`}>{children}</span>;
}

/** Shows the status of a job, an attempt or a review. */
export function StatusBadge({ status }: { status: string }) {
  return <Badge tone={TONES[status] ?? 'calm'}>{status}</Badge>;
}
