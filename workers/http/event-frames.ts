/** The SSE frames of a runner's channel: the object's events, numbered, until the one that ends the stream. */

import type { ChannelEvent } from '../../spec/transport/events.ts';
import { sseFrame, TERMINAL_EVENTS } from '../../spec/transport/events.ts';
import { currentTime } from '../base/deps.ts';
import type { Farewell } from './stream-bridge.ts';

export class EventFrames {
  readonly #stream: { persistent: boolean; startedAt: number };
  #id = 0;

  constructor(stream: { persistent: boolean; startedAt: number }) {
    this.#stream = stream;
  }

  /** Passes an event on; for v0.4.4, which expects one event a stream, the first terminal one ends it. */
  translate(message: string): { frames: string; end: boolean } {
    const event = JSON.parse(message) as ChannelEvent;
    const goesOn = this.#stream.persistent && event.event === 'job.available';
    return TERMINAL_EVENTS.has(event.event) && !goesOn
      ? { frames: this.#last(event), end: true }
      : { frames: this.#numbered(event), end: false };
  }

  /** The stream reached its time, or its object went away: open the next one. */
  farewell(reason: Farewell): string {
    return this.#last({ event: 'timeout', data: { ok: true, jobAvailable: false, reason } });
  }

  #last(event: ChannelEvent): string {
    const waitedMs = currentTime() - this.#stream.startedAt;
    return this.#numbered({ ...event, data: { ...event.data, waitedMs } });
  }

  #numbered(event: ChannelEvent): string {
    this.#id += 1;
    return sseFrame({ ...event, id: this.#id });
  }
}
