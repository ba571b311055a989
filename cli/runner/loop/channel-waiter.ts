/** Waits for work over the channels: one listener at a time, replaced when its connection is out of date. */

import { messageOf } from '../../base/exit.ts';
import { pause } from '../../base/pause.ts';
import type { ChannelTarget } from '../channel/channel.ts';
import { Listener, type ListenerOptions } from '../channel/listener.ts';
import type { Waiter } from './wake-signal.ts';

export interface ListenerWaiterOptions
  extends Pick<ListenerOptions, 'choice' | 'pollIntervalMs' | 'onChange' | 'random'> {
  machineId: string;
  instance: string;
  /** Where to listen, with the token that is stored now. */
  connect(): Promise<Pick<ChannelTarget, 'baseUrl' | 'headers' | 'server'>>;
  /** The lease of this job may be gone; undefined: of any job. */
  onLease(jobId: unknown): void;
  onDrain(): void;
  /** Another runner of this machine listens now. */
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
        // After every poll, opens a listener that could not be opened before: nothing else does.
        if (listener === undefined && pauseMs > 0) renewing = renewing.then(openIfMissing);
        await renewing;
        if (isClosed) return undefined;
        const reason = await (listener ?? pauseInstead(pauseMs)).nextPoll(signal);
        // A listener that was renewed meanwhile ends its waits; its successor polls at once.
        if (reason === undefined && !signal.aborted) continue;
        pauseMs = options.pollIntervalMs;
        return reason;
      }
    },
    poll: () => listener?.poll('event'),
    renew() {
      // One after the other, so that only one listens. Without a sign-in none listens, and the polls go on.
      renewing = renewing.then(renew);
    },
    close() {
      isClosed = true;
      listener?.close();
    },
  };
}

/** Replaces a listener that could not be opened. The first poll comes at once, and finds out why. */
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
      // The next poll finds the sign-in refused as well, and the loop waits for a new one.
      else listener.poll('event');
    },
  });
  return listener;
}
