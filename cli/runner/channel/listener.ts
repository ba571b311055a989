/**
 * Keeps the runner reachable. It uses one transport at a time:
 *
 *   ws ──fails twice──▶ sse ──fails twice──▶ poll        (only with `auto`)
 *   ▲                    │                    │
 *   └── tried once more when a stream ends ───┴── and from polling by itself, after pauses that grow to five minutes
 *
 * A channel that was open for less than a minute counts as failed, because a proxy may close every channel shortly after
 * it opens. In addition, the runner polls rarely with every transport, because a wake-up may be lost. It polls at the
 * start and after every reconnect that followed a failure. When a stream has reached its time limit, no poll is needed,
 * because the server checks the queue when a channel opens.
 */

import type { ChannelEvent, EventName } from '../../../spec/transport/events.ts';
import { fullJitter, timerMs } from '../../base/pause.ts';
import type { Channel, ChannelEnd, ChannelTarget, OpenChannel, PushTransport } from './channel.ts';
import { openSseChannel } from './sse-channel.ts';
import { openWsChannel } from './ws-channel.ts';

export type TransportChoice = 'auto' | 'ws' | 'sse' | 'poll';
export type Transport = PushTransport | 'poll';

/** Why the runner should ask for work now. */
export type PollReason = 'start' | 'event' | 'reconnected' | 'interval' | 'safety';

export interface ListenerOptions {
  target: ChannelTarget;
  choice: TransportChoice;
  /** Mean pause between polls when no channel is open. */
  pollIntervalMs: number;
  /** Control events: `job.cancelled`, `lease.lost`, `drain`. */
  onControl(event: ChannelEvent): void;
  /**
   * Called when a channel has opened. The leases must then be checked, because messages may be missing.
   */
  onReady?(): void;
  /** Called when the transport has changed or failed. `message` is a sentence for people. */
  onChange(change: { transport: Transport; up: boolean; message: string }): void;
  /** Called when a person must act: the token is rejected, or another runner of this machine took over. */
  onEnd(end: Extract<ChannelEnd, { kind: 'unauthorized' | 'replaced' }>): void;
  open?: Partial<Record<PushTransport, OpenChannel>>;
  random?: () => number;
}

/**
 * The pause between two safety polls. A long pause is enough, because every connect polls, an SSE stream is renewed at least
 * every 15
 * minutes, and the server's cron trigger repeats recent wake-ups. A poll every ten minutes would cost more than all other
 * requests of an idle runner.
 */
export const SAFETY_POLL_MS = 12 * 60 * 60_000;
/** Failures in a row before `auto` steps down. */
const FAILURES_BEFORE_STEP = 2;
/** Reconnects: full jitter up to 5 s, doubling to 60 s, so that a deploy causes no stampede. */
const RECONNECT_FIRST_MS = 5000;
const RECONNECT_LIMIT_MS = 60_000;
/** After a channel was open for this long, earlier failures no longer count. */
const STEADY_MS = 60_000;
/** How long `auto` waits before it tries the better transport again. The time doubles up to the limit. */
const CLIMB_FIRST_MS = 30_000;
const CLIMB_LIMIT_MS = 5 * 60_000;

/** The pause after a stream of a v0.4.4 server that announced work. It doubles up to the poll interval. */
const SHORT_STREAM_PAUSE_MS = 2000;

const LADDER: Record<TransportChoice, readonly Transport[]> = {
  auto: ['ws', 'sse', 'poll'],
  ws: ['ws'],
  sse: ['sse'],
  poll: ['poll'],
};

export class Listener {
  readonly #options: ListenerOptions;
  readonly #random: () => number;
  readonly #latch = new PollLatch<PollReason>();
  #rung = 0;
  #failures = 0;
  #climbs = 0;
  /** Streams in a row that ended because there was work. */
  #available = 0;
  #channel: Channel | undefined;
  #readyAt: number | undefined;
  /** True if a channel is open (also between two streams of one transport), or the runner polls. */
  #up = false;
  #told = '';
  #closed = false;
  /** True if another instance took over. Opening a channel again would replace that instance, and so on forever. */
  #replaced = false;
  #pause: { resolve: () => void; timer: NodeJS.Timeout } | undefined;
  #climbAt = Number.POSITIVE_INFINITY;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#latch.set('start');
    void this.#run();
  }

  /**
   * Waits until it is time to poll. A poll that was requested between two calls is not lost. Returns undefined if the
   * signal aborts or the listener is closed.
   */
  async nextPoll(signal: AbortSignal): Promise<PollReason | undefined> {
    return this.#latch.next(signal, () =>
      this.#up && this.#transport !== 'poll'
        ? { reason: 'safety', ms: SAFETY_POLL_MS * (0.75 + this.#random() / 2) }
        : { reason: 'interval', ms: this.#options.pollIntervalMs * (0.5 + this.#random()) },
    );
  }

  /** Requests a poll from outside: a job ended, or the machine woke up. */
  poll(reason: PollReason): void {
    this.#latch.set(reason);
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#endPause();
    this.#latch.close();
  }

  /** The transports to use, best first. Computed each time, because a server update may add or remove sockets. */
  get #ladder(): readonly Transport[] {
    const { choice, target } = this.#options;
    const isOffered = (transport: Transport) => transport !== 'ws' || target.server.offers('events-ws');
    const ladder = LADDER[choice].filter(isOffered);
    return ladder.length === 0 ? ['poll'] : ladder;
  }

  get #transport(): Transport {
    return this.#ladder[this.#rung] ?? 'poll';
  }

  async #run(): Promise<void> {
    while (!this.#closed && !this.#replaced) {
      if (this.#transport === 'poll') await this.#pollUntilClimb();
      else await this.#listenOnce(this.#transport);
    }
  }

  /** `nextPoll` drives polling; here the runner only waits to try a better transport. */
  async #pollUntilClimb(): Promise<void> {
    this.#change(true, 'polling');
    if (this.#options.choice === 'poll') return this.#sleep(Number.POSITIVE_INFINITY);
    await this.#sleep(Math.min(CLIMB_LIMIT_MS, this.#climbAt - performance.now()));
    this.#climb();
  }

  async #listenOnce(transport: PushTransport): Promise<void> {
    const hadFailed = this.#failures > 0;
    const open = this.#options.open?.[transport] ?? (transport === 'ws' ? openWsChannel : openSseChannel);
    this.#readyAt = undefined;
    this.#channel = open(this.#options.target, { onEvent: (event) => this.#hear(event, hadFailed) });
    const end = await this.#channel.ended;
    this.#channel = undefined;
    if (!this.#closed) await this.#afterEnd(end);
  }

  #hear(event: ChannelEvent, hadFailed: boolean): void {
    switch (event.event) {
      case 'ready':
        this.#readyAt = performance.now();
        // A further stream of the same transport is not a change.
        if (!this.#up) this.#change(true, `listening over ${this.#transport}`);
        this.#options.onReady?.();
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
    const wasSteady = this.#readyAt !== undefined && performance.now() - this.#readyAt >= STEADY_MS;
    if (wasSteady) {
      this.#failures = 0;
      if (this.#rung === 0) this.#climbs = 0;
    }
    switch (end.kind) {
      case 'finished':
        if (end.last !== undefined) return this.#afterShortStream(end.last);
        if (!wasSteady) return this.#afterFailure('the channel ended before its time');
        if (this.#mayClimb()) this.#climb();
        return;
      case 'unauthorized':
        this.#change(false, end.message);
        this.#options.onEnd(end);
        return this.#sleep(RECONNECT_LIMIT_MS);
      case 'replaced':
        this.#replaced = true;
        this.#change(false, end.message);
        this.#options.onEnd(end);
        return;
      case 'refused':
        // Another request would get the same answer.
        this.#failures = FAILURES_BEFORE_STEP;
        return this.#afterFailure(end.message);
      case 'broken':
        return this.#afterFailure(end.message);
    }
  }

  /**
   * Events between two streams of a v0.4.4 server are lost, so the runner polls after each stream. After a stream that
   * announced work, the runner waits a little before the next stream, because the server would announce the same work again
   * until a machine has claimed it.
   */
  async #afterShortStream(last: EventName): Promise<void> {
    this.#failures = 0;
    if (last === 'timeout') this.#latch.set('interval');
    this.#available = last === 'job.available' ? this.#available + 1 : 0;
    if (this.#available === 0) return;
    const { pollIntervalMs } = this.#options;
    const backoff = { attempt: this.#available, firstMs: SHORT_STREAM_PAUSE_MS, limitMs: pollIntervalMs };
    await this.#sleep(
      Math.min(pollIntervalMs, SHORT_STREAM_PAUSE_MS / 2) + fullJitter(backoff, this.#random()),
    );
  }

  async #afterFailure(message: string): Promise<void> {
    this.#failures += 1;
    this.#change(false, message);
    if (this.#mayClimb()) return this.#climb();
    if (this.#failures >= FAILURES_BEFORE_STEP && this.#rung < this.#ladder.length - 1)
      return this.#stepDown();
    await this.#sleep(
      fullJitter(
        { attempt: this.#failures, firstMs: RECONNECT_FIRST_MS, limitMs: RECONNECT_LIMIT_MS },
        this.#random(),
      ),
    );
  }

  #stepDown(): void {
    this.#rung += 1;
    this.#failures = 0;
    const pause = Math.min(CLIMB_LIMIT_MS, CLIMB_FIRST_MS * 2 ** this.#climbs);
    this.#climbAt = performance.now() + pause * (0.5 + this.#random());
    this.#latch.set('reconnected');
  }

  #mayClimb(): boolean {
    return this.#rung > 0 && performance.now() >= this.#climbAt;
  }

  /** Tries the best transport once. The previous transport has ended. */
  #climb(): void {
    this.#climbs += 1;
    this.#rung = 0;
    this.#failures = FAILURES_BEFORE_STEP - 1;
    this.#setUp(false);
  }

  #change(up: boolean, message: string): void {
    this.#setUp(up);
    const change = { transport: this.#transport, up, message };
    const told = JSON.stringify(change);
    // Do not report the same failure twice.
    if (told !== this.#told) this.#options.onChange(change);
    this.#told = told;
  }

  #setUp(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    this.#latch.repace();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#pause = { resolve, timer: setTimeout(resolve, timerMs(ms)) };
    });
  }

  #endPause(): void {
    clearTimeout(this.#pause?.timer);
    this.#pause?.resolve();
  }
}

/** Remembers that a poll was requested until the runner polls. Several requests cause one poll. */
class PollLatch<Reason> {
  #pending: Reason | undefined;
  #wait: { end: () => void; pace: () => void } | undefined;
  #closed = false;

  set(reason: Reason): void {
    this.#pending ??= reason;
    this.#wait?.end();
  }

  /** Call this when the pause between polls has changed. A current wait starts its pause again. */
  repace(): void {
    this.#wait?.pace();
  }

  /** Ends all current and future waits. */
  close(): void {
    this.#closed = true;
    this.#wait?.end();
  }

  /** Waits for a requested poll or the end of the pause and returns the reason. Returns undefined if aborted or closed. */
  async next(signal: AbortSignal, pause: () => { ms: number; reason: Reason }): Promise<Reason | undefined> {
    if (this.#pending === undefined && !this.#closed && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let timer: NodeJS.Timeout | undefined;
      const pace = () => {
        clearTimeout(timer);
        const { ms, reason } = pause();
        timer = setTimeout(() => this.set(reason), timerMs(ms));
      };
      const end = () => resolve();
      this.#wait = { end, pace };
      pace();
      signal.addEventListener('abort', end, { once: true });
      await promise;
      signal.removeEventListener('abort', end);
      clearTimeout(timer);
      this.#wait = undefined;
    }
    if (this.#closed || signal.aborted) return undefined;
    const reason = this.#pending;
    this.#pending = undefined;
    return reason;
  }
}
