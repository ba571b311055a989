/**
 * The SSE frames of a followed job: `entry` with its position as the id, `status` when it changes, `end` as the last
 * event.
 */

import type { WatchNews } from '../base/watch.ts';
import type { Farewell } from '../http/sse-bridge.ts';
import type { Follow } from './follow.ts';
import { cursorAt } from './read.ts';

/**
 * How often the stream of a waiting job is reopened, because a machine that was not followed may have claimed the job.
 */
export const WAITING_STREAM_MS = 120_000;

type FollowedEntry = Follow['entries'][number];

export class FollowFrames {
  readonly #follow: Follow;
  readonly #dataOf: (entry: FollowedEntry) => unknown;
  #seq: number;

  /** `dataOf` returns the data of a frame for an entry. If absent, the data is the entry itself. */
  constructor(follow: Follow, dataOf: (entry: FollowedEntry) => unknown = (entry) => entry) {
    this.#follow = follow;
    this.#dataOf = dataOf;
    const [leaseCount, seq] = follow.position.split('-').map(Number);
    this.#seq = leaseCount === follow.job.leaseCount ? (seq ?? 0) : 0;
  }

  /** Limits the `waitMs` that the follower requested. */
  limit(waitMs: number): number {
    return this.#isRunning() ? waitMs : Math.min(waitMs, WAITING_STREAM_MS);
  }

  #isRunning(): boolean {
    return this.#follow.job.status === 'running';
  }

  /** Returns frames with the status of the job and the existing entries. */
  preamble(): string {
    const { job, entries } = this.#follow;
    const told = entries.map((entry) => this.#entry(entry)).join('');
    return `${frame('status', { jobId: job.id, status: job.status, attempt: job.attempt })}${told}`;
  }

  /**
   * Converts a message. A change of status ends the stream. The follower then opens the next stream at its position and reads
   * the new status, or learns that its token is invalid. The first entries show that the job has started, or resumed after
   * `lost`.
   */
  translate(message: string): { frames: string; end: boolean } {
    const news = JSON.parse(message) as WatchNews;
    if (news.kind === 'moved' || news.leaseId !== this.#follow.job.leaseId || !this.#isRunning()) {
      return { frames: this.farewell('reconnect'), end: true };
    }
    const { attempt, leaseCount } = this.#follow.job;
    let frames = '';
    for (const entry of news.entries) {
      if (entry.seq <= this.#seq) continue;
      this.#seq = entry.seq;
      const cursor = cursorAt({ leaseCount, seq: entry.seq });
      frames += this.#entry({ ...entry, attempt, cursor, at: new Date(entry.at).toISOString() });
    }
    return { frames, end: false };
  }

  #entry(entry: FollowedEntry): string {
    return frame('entry', this.#dataOf(entry), entry.cursor);
  }

  /**
   * Returns the last frame: `end` if the job has ended and everything was sent, `timeout` if the client must open the
   * next stream.
   */
  farewell(reason: Farewell): string {
    const { job, last } = this.#follow;
    return last === 'end'
      ? frame('end', { jobId: job.id, status: job.status })
      : frame('timeout', { reason });
  }
}

function frame(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
