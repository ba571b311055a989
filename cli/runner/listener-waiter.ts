/** Waiting for work over the channels: one listener at a time, made anew when its connection is of an earlier time. */

import type { ChannelTarget } from './channel/channel.ts';
import { Listener, type TransportChoice } from './channel/listener.ts';
import type { Waiter } from './work-loop.ts';

export interface ListenerWaiterOptions {
  choice: TransportChoice;
  pollIntervalMs: number;
  machineId: string;
  instance: string;
  /** Where to listen, with the token that is stored now. */
  connect(): Promise<Pick<ChannelTarget, 'baseUrl' | 'headers'>>;
  /** A lease may be gone: of this job, or of any when it is not known. */
  onLease(jobId: unknown): void;
  onDrain(): void;
  /** Another runner of this machine listens now. */
  onReplaced(message: string): void;
  onChange(change: { transport: string; up: boolean; message: string }): void;
}

/** Starts listening. */
export async function listenerWaiter(options: ListenerWaiterOptions): Promise<Waiter> {
  let listener = await openListener(options);
  let renewing: Promise<void> | undefined;
  const renew = async () => {
    listener.close();
    listener = await openListener(options);
  };
  return {
    async nextLook(signal) {
      await renewing;
      return listener.nextLook(signal);
    },
    look: () => listener.look('event'),
    renew() {
      // A sign-in that is gone again is noticed by the next look; until then the old listener stays closed.
      renewing = renew().catch(() => undefined);
    },
    close: () => listener.close(),
  };
}

async function openListener(options: ListenerWaiterOptions): Promise<Listener> {
  const { machineId, instance, choice, pollIntervalMs, onChange } = options;
  const listener: Listener = new Listener({
    target: { ...(await options.connect()), machineId, instance },
    choice,
    pollIntervalMs,
    onChange(change) {
      onChange(change);
      // What was said about leases while nobody listened is asked for.
      if (change.up) options.onLease(undefined);
    },
    onControl(event) {
      if (event.event === 'drain') options.onDrain();
      else options.onLease(event.data.jobId);
    },
    onEnd(end) {
      if (end.kind === 'replaced') options.onReplaced(end.message);
      // The next look finds the sign-in refused as well, and waits for a new one.
      else listener.look('event');
    },
  });
  return listener;
}
