/** How jobs appear on a terminal: status colors, shortened ids, and the line about a finished job. */

import type { JobStatus } from '../../spec/job/status.ts';
import { exactDuration } from '../base/duration.ts';
import { oneLine } from '../base/one-line.ts';
import { clock, joined, type Mark, said } from './page.ts';
import { paint, type Rich, type Style } from './text-output.ts';
import { cutToWidth, textWidth } from './text-width.ts';

const STYLES: Record<JobStatus, Style | undefined> = {
  queued: 'dim',
  dispatched: 'cyan',
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  lost: 'red',
};

/** The color of a status. */
export function statusStyle(status: string): Style | undefined {
  return Object.hasOwn(STYLES, status) ? STYLES[status as JobStatus] : undefined;
}

/** `job_` and the nine characters of the creation time. Ids from different milliseconds differ in them. */
const SHORTEST = 13;

/** Shortens all ids to the same length, as short as they stay unique in the list. */
export function shortIds(ids: readonly string[]): string[] {
  const sorted = ids.toSorted();
  let length = SHORTEST;
  for (const [at, id] of sorted.entries()) {
    const next = sorted[at + 1] ?? '';
    let same = 0;
    while (same < id.length && id[same] === next[same]) same += 1;
    length = Math.max(length, same + 1);
  }
  return ids.map((id) => id.slice(0, length));
}

/** How a job ended. */
export interface JobEnd {
  id: string;
  /** Epoch ms. */
  at: number;
  /** The label of the job's session. Empty if the job had no session. */
  session: string;
  outcome: 'completed' | 'failed' | 'cancelled' | 'returned';
  tookMs: number | undefined;
  /** The answer on one line, or the reason of the failure. */
  text: string;
}

const VERBS = {
  completed: 'completed in',
  failed: 'failed after',
  cancelled: 'cancelled after',
  returned: 'put back after',
} as const;

/** `✓ 05:43 Main · completed in 20 s · The gauges were counted: 12. · job_…`. Cuts long answers, but not reasons. */
export function jobEndLine(end: JobEnd, columns: number): Rich {
  const { outcome, tookMs } = end;
  const mark: Mark = outcome === 'completed' ? 'done' : outcome === 'returned' ? 'warning' : 'failed';
  const verb = VERBS[outcome];
  const took = tookMs === undefined ? verb.split(' ')[0] : `${verb} ${exactDuration(tookMs)}`;
  const head = `${clock(end.at)} ${end.session}`.trimEnd();
  const [short = end.id] = shortIds([end.id]);
  const room = columns - 1 - textWidth(`✓ ${head} · ${took} ·  · ${short}`);
  const text = oneLine(end.text);
  return said(
    mark,
    joined([
      head,
      paint(statusStyle(outcome), took ?? ''),
      outcome === 'completed' ? cutToWidth(text, Math.max(16, room)) : text,
      paint('dim', outcome === 'completed' ? short : end.id),
    ]),
  );
}
