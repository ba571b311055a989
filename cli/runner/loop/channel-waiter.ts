/**
 * Waits for work over a channel. It has one listener at a time, and replaces the listener when its connection is out of date.
 */

import { messageOf } from '../../base/exit.ts';
import { pause } from '../../base/pause.ts';
import type { ChannelTarget } from '../channel/channel.ts';
import { Listener, type ListenerOptions } from '../channel/listener.ts';
import type { Waiter } from './wake-signal.ts';

export interface ListenerWaiterOptions
  extends Pick<ListenerOptions, 'choice' | 'pollIntervalMs' | 'onChange' | 'random'> {
  machineId: string;
  instance: string;
  /** Returns the address of the channel and the current token. */
  connect(): Promise<Omit<ChannelTarget, 'machineId' | 'instance' | 'waitSeconds'>>;
  /** Called when the lease of a job may be gone; without a job id, it may be the lease of any job. */
  onLease(jobId: unknown): void;
  onDrain(): void;
  /** Called when another runner of this machine has taken over the channel. */
  onReplaced(message: string): void;
}

/** Starts listening. */
export async function listenerWaiter(options: ListenerWaiterOptions): Promise<Waiter> {
  let listener: Listener | undefined = await openListener(options);
  let renewing = Promise.resolve();
  let isClosed = false;
  let pauseMs = 0;
  const firstTransport = options.choice === 'auto' ? 'ws' : options.choice;
  let reported = '';
  const open = async () => {
    try {
      const next = await openListener(options);
      reported = '';
      if (isClosed) next.close();
      else listener = next;
    } catch (error) {
      const message = messageOf(error);
      if (message !== reported) options.onChange({ transport: firstTransport, up: false, message });
      reported = message;
    }
  };
  const openIfMissing = async () => {
    if (listener === undefined) await open();
  };
  const renew = () => {
    listener?.close();
    listener = undefined;
    pauseMs = 0;
    return open();
  };
  return {
    async nextPoll(signal) {
      for (;;) {
        // Try again after every poll to open a listener that could not be opened before.
        if (listener === undefined && pauseMs > 0) renewing = renewing.then(openIfMissing);
        await renewing;
        if (isClosed) return undefined;
        const reason = await (listener ?? pauseInstead(pauseMs)).nextPoll(signal);
        // The listener was replaced in the meantime, which ended this wait. The new listener polls at once.
        if (reason === undefined && !signal.aborted) continue;
        pauseMs = options.pollIntervalMs;
        return reason;
      }
    },
    poll: () => listener?.poll('event'),
    renew() {
      // Renew in sequence, so that only one listener is open. Without a sign-in, no listener is open and the polls continue.
      renewing = renewing.then(renew);
    },
    close() {
      isClosed = true;
      listener?.close();
    },
  };
}

/** Takes the place of a listener that could not be opened. The first poll happens at once, and its error shows the reason. */
function pauseInstead(pauseMs: number): Pick<Listener, 'nextPoll'> {
  return {
    async nextPoll(signal) {
      await pause(pauseMs, signal);
      return signal.aborted ? undefined : 'interval';
    },
  };
}

async function openListener(options: ListenerWaiterOptions): Promise<Listener> {
  const { machineId, instance, choice, pollIntervalMs, onChange, random } = options;
  const listener: Listener = new Listener({
    target: { ...(await options.connect()), machineId, instance, waitSeconds: pollIntervalMs / 1000 },
    choice,
    pollIntervalMs,
    onChange,
    ...(random === undefined ? {} : { random }),
    onReady: () => options.onLease(undefined),
    onControl(event) {
      if (event.event === 'drain') options.onDrain();
      else options.onLease(event.data.jobId);
    },
    onEnd(end) {
      if (end.kind === 'replaced') options.onReplaced(end.message);
      // The server will refuse the next poll, too, and the loop then waits for a new sign-in.
      else listener.poll('event');
    },
  });
  return listener;
}
