/**
 * Keeps the runner reachable. One transport acts at a time:
 *
 *   ws ──fails twice──▶ sse ──fails twice──▶ poll        (only with `auto`)
 *   ▲                    │                    │
 *   └── tried again whenever a stream ends, and every few minutes with growing pauses
 *
 * Whatever acts, a slow safety poll stays on underneath: a wake-up is a hint, and hints get lost. The first look is asked
 * for at once, and again after every reconnect that followed a failure.
 */

import type { ChannelEvent } from '../../../spec/transport/events.ts';
import type { Channel, ChannelEnd, ChannelTarget, OpenChannel, PushTransport } from './channel.ts';
import { fullJitter } from './jitter.ts';
import { LookLatch } from './look-latch.ts';
import { openSseChannel } from './sse-channel.ts';
import { openWsChannel } from './ws-channel.ts';

export type TransportChoice = 'auto' | 'ws' | 'sse' | 'poll';
export type Transport = PushTransport | 'poll';

/** Why the runner should ask for work now. */
export type LookReason = 'start' | 'event' | 'reconnected' | 'interval' | 'safety';

export interface ListenerOptions {
  target: ChannelTarget;
  choice: TransportChoice;
  /** Mean pause between polls when no channel is open. */
  pollIntervalMs: number;
  /** Control events: `job.cancelled`, `lease.lost`, `drain`. */
  onControl(event: ChannelEvent): void;
  /** The transport changed, or could not be kept; `message` is a sentence for people. */
  onChange(change: { transport: Transport; up: boolean; message: string }): void;
  /** The token is refused, or another runner of this machine took over: somebody must act. */
  onEnd(end: Extract<ChannelEnd, { kind: 'unauthorized' | 'replaced' }>): void;
  open?: Partial<Record<PushTransport, OpenChannel>>;
  random?: () => number;
}

/**
 * The third net: every (re)connect looks at the queue, on SSE at least every 15 minutes, and the service's cron wakes again
 * for what was queued in the last minutes. Every ten minutes it would cost more than the rest of an idle runner together.
 */
export const SAFETY_POLL_MS = 12 * 60 * 60_000;
/** Failures in a row before `auto` steps down. */
const FAILURES_BEFORE_STEP = 2;
/** Reconnects: full jitter up to 5 s, doubling to 60 s, so that a deploy causes no stampede. */
const RECONNECT_FIRST_MS = 5000;
const RECONNECT_LIMIT_MS = 60_000;
/** How long `auto` stays down before it tries the better transport again; doubles to the limit. */
const CLIMB_FIRST_MS = 30_000;
const CLIMB_LIMIT_MS = 5 * 60_000;

const LADDER: Record<TransportChoice, readonly Transport[]> = {
  auto: ['ws', 'sse', 'poll'],
  ws: ['ws'],
  sse: ['sse'],
  poll: ['poll'],
};

export class Listener {
  readonly #options: ListenerOptions;
  readonly #random: () => number;
  readonly #latch = new LookLatch<LookReason>();
  readonly #ladder: readonly Transport[];
  #rung = 0;
  #failures = 0;
  #climbs = 0;
  #channel: Channel | undefined;
  #up = false;
  #closed = false;
  #pause: { resolve: () => void; timer: NodeJS.Timeout } | undefined;
  #climbAt = Number.POSITIVE_INFINITY;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#ladder = LADDER[options.choice];
    this.#latch.set('start');
    void this.#run();
  }

  /** What acts now, and whether it stands. */
  get state(): { transport: Transport; up: boolean } {
    return { transport: this.#transport, up: this.#up };
  }

  /**
   * Waits until it is worth asking for work. A look asked for between two calls is not lost.
   * Undefined when the signal aborts or the listener is closed.
   */
  async nextLook(signal: AbortSignal): Promise<LookReason | undefined> {
    const waiting = this.#up && this.#transport !== 'poll';
    const pause = waiting
      ? SAFETY_POLL_MS * (0.75 + this.#random() / 2)
      : this.#options.pollIntervalMs * (0.5 + this.#random());
    return this.#latch.next(signal, pause, waiting ? 'safety' : 'interval');
  }

  /** Asks for a look from outside: a job ended, the machine woke up. */
  look(reason: LookReason): void {
    this.#latch.set(reason);
  }

  /** Drops the line and opens it anew: after sleep or a change of network the old one may be dead without knowing. */
  reconnect(): void {
    this.#failures = 0;
    this.#channel?.close();
    this.#endPause();
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#endPause();
    this.#latch.close();
  }

  get #transport(): Transport {
    return this.#ladder[this.#rung] ?? 'poll';
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      if (this.#transport === 'poll') await this.#pollUntilClimb();
      else await this.#listenOnce(this.#transport);
    }
  }

  /** Polling is driven by `nextLook`; here only the way back up is awaited. */
  async #pollUntilClimb(): Promise<void> {
    this.#change(true, 'polling');
    if (this.#ladder.length === 1) return this.#sleep(2 ** 31 - 1);
    this.#climbs += 1;
    await this.#sleep(
      Math.min(CLIMB_LIMIT_MS, CLIMB_FIRST_MS * 2 ** (this.#climbs - 1)) * (0.5 + this.#random()),
    );
    this.#rung = 0;
    this.#failures = FAILURES_BEFORE_STEP - 1;
  }

  async #listenOnce(transport: PushTransport): Promise<void> {
    const hadFailed = this.#failures > 0;
    const open = this.#options.open?.[transport] ?? (transport === 'ws' ? openWsChannel : openSseChannel);
    this.#channel = open(this.#options.target, { onEvent: (event) => this.#hear(event, hadFailed) });
    const end = await this.#channel.ended;
    this.#channel = undefined;
    if (!this.#closed) await this.#afterEnd(end);
  }

  #hear(event: ChannelEvent, hadFailed: boolean): void {
    switch (event.event) {
      case 'ready':
        this.#failures = 0;
        this.#change(true, `listening over ${this.#transport}`);
        if (this.#rung === 0) this.#climbs = 0;
        else this.#climbAt = performance.now() + CLIMB_LIMIT_MS;
        if (hadFailed) this.#latch.set('reconnected');
        return;
      case 'job.available':
        this.#latch.set('event');
        return;
      case 'job.cancelled':
      case 'lease.lost':
      case 'drain':
        this.#options.onControl(event);
        return;
      default:
        return;
    }
  }

  async #afterEnd(end: ChannelEnd): Promise<void> {
    switch (end.kind) {
      case 'finished':
        if (this.#rung > 0 && performance.now() >= this.#climbAt) this.#climb();
        return;
      case 'unauthorized':
      case 'replaced':
        this.#change(false, end.message);
        this.#options.onEnd(end);
        await this.#sleep(RECONNECT_LIMIT_MS);
        return;
      case 'refused':
        this.#failures = Math.max(this.#failures, FAILURES_BEFORE_STEP);
        return this.#afterFailure(end.message);
      case 'broken':
        this.#failures += 1;
        return this.#afterFailure(end.message);
    }
  }

  async #afterFailure(message: string): Promise<void> {
    this.#change(false, message);
    if (this.#failures >= FAILURES_BEFORE_STEP && this.#rung < this.#ladder.length - 1) {
      this.#rung += 1;
      this.#failures = 0;
      this.#latch.set('reconnected');
      return;
    }
    await this.#sleep(
      fullJitter(
        { attempt: this.#failures, firstMs: RECONNECT_FIRST_MS, limitMs: RECONNECT_LIMIT_MS },
        this.#random(),
      ),
    );
  }

  #climb(): void {
    this.#rung = 0;
    this.#climbAt = Number.POSITIVE_INFINITY;
    this.#failures = FAILURES_BEFORE_STEP - 1;
  }

  #change(up: boolean, message: string): void {
    this.#up = up;
    this.#options.onChange({ transport: this.#transport, up, message });
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#pause = { resolve, timer: setTimeout(resolve, ms) };
    });
  }

  #endPause(): void {
    clearTimeout(this.#pause?.timer);
    this.#pause?.resolve();
  }
}
