/** One open channel to the server, over any transport. It reports each event. When it ends, it reports the reason once. */

import type { ChannelEvent, EventName } from '../../../spec/transport/events.ts';
import type { KnownServer } from '../../client/known-server.ts';
import type { ChannelCarrier } from './carrier.ts';

export type PushTransport = 'ws' | 'sse';

/** The server, the account and the machine of a channel. */
export interface ChannelTarget {
  /** Origin and optional path prefix, without a trailing slash. */
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
  machineId: string;
  /** Identifies this run of the runner. The newest instance of a machine keeps the channel. */
  instance: string;
  /** The maximum duration of one stream of a v0.4.4 server. */
  waitSeconds: number;
  /** Sends small calls over the channel, if the server takes them. */
  carrier?: Pick<ChannelCarrier, 'use' | 'hear'> | undefined;
  /** The token in the headers. */
  token?: string | undefined;
  /** The capabilities that the server has announced so far. */
  server: Pick<KnownServer, 'offers'>;
}

/** Why a channel ended. After `unauthorized`, `replaced` and `refused` a retry does not help. */
export type ChannelEnd =
  /**
   * A stream reached its time limit; the next stream is opened at once. `last`: the event that ended a stream of a v0.4.4
   * server. Such a server sends no events between two streams.
   */
  | { kind: 'finished'; last?: EventName }
  /** The network, the server or the connection failed. */
  | { kind: 'broken'; message: string }
  /** The token is not (or no longer) accepted. */
  | { kind: 'unauthorized'; message: string }
  /** Another instance of this machine is connected now. */
  | { kind: 'replaced'; message: string }
  /** The server does not offer this transport, or refuses this machine. */
  | { kind: 'refused'; message: string };

export interface ChannelHandlers {
  onEvent(event: ChannelEvent): void;
}

export interface Channel {
  readonly transport: PushTransport;
  /** Settles once, when the channel has ended; never rejects. */
  readonly ended: Promise<ChannelEnd>;
  close(): void;
}

/** Opens a channel. Failures to open arrive as `ended`, too. */
export type OpenChannel = (target: ChannelTarget, handlers: ChannelHandlers) => Channel;

/** Converts an `error` event to the reason why the channel ended. */
export function endForErrorEvent(
  data: Readonly<Record<string, unknown>>,
  { instance }: Pick<ChannelTarget, 'instance'>,
): ChannelEnd {
  const message = typeof data.error === 'string' ? data.error : 'the server ended the stream';
  if (data.code === 'replaced') return endForReplaced(message, data.instance === instance);
  if (data.code === 'unauthenticated') return { kind: 'unauthorized', message };
  return { kind: 'broken', message };
}

/**
 * The reason after a replacement. An abandoned connection of this runner may reach the server late and replace the newer
 * one. No other runner is involved then, so the runner simply reconnects.
 */
export function endForReplaced(message: string, byOwnInstance: boolean): ChannelEnd {
  if (!byOwnInstance) return { kind: 'replaced', message };
  return {
    kind: 'broken',
    message: 'an earlier connection of this runner reached the server late and replaced this one',
  };
}
