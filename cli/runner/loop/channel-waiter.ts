/** Waiting for work over the channels: one listener at a time, made anew when its connection is of an earlier time. */

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
  /** A lease may be gone: of this job, or of any when it is not known. */
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
  let told = '';
  const open = async () => {
    try {
      const next = await openListener(options);
      told = '';
      if (isClosed) next.close();
      else listener = next;
    } catch (error) {
      const message = messageOf(error);
      if (message !== told) options.onChange({ transport: firstTransport, up: false, message });
      told = message;
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
        // What could not be opened is tried again after every look: nobody else comes back to it.
        if (listener === undefined && pauseMs > 0) renewing = renewing.then(openIfMissing);
        await renewing;
        if (isClosed) return undefined;
        const reason = await (listener ?? pauseInstead(pauseMs)).nextPoll(signal);
        // A listener that was renewed meanwhile ends its waits; its successor looks at once.
        if (reason === undefined && !signal.aborted) continue;
        pauseMs = options.pollIntervalMs;
        return reason;
      }
    },
    poll: () => listener?.poll('event'),
    renew() {
      // One after the other, so that no two listen. Without a sign-in nobody listens; the looks go on.
      renewing = renewing.then(renew);
    },
    close() {
      isClosed = true;
      listener?.close();
    },
  };
}

/** Stands in for a listener that could not be opened. The first look comes at once, and finds out why. */
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
      // The next look finds the sign-in refused as well, and waits for a new one.
      else listener.poll('event');
    },
  });
  return listener;
}
