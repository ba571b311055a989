/**
 * Listens over a WebSocket, straight to the machine's object. The runtime answers `ping` without waking the object.
 */

import { type CloseEvent, WebSocket } from 'ws';
import {
  CLOSE_CODES,
  channelEvent,
  KEEP_ALIVE_MS,
  MAX_EVENT_BYTES,
  PING,
} from '../../../spec/transport/events.ts';
import { SilenceWatch } from '../../base/silence.ts';
import { openBoundedSocket } from './bounded-socket.ts';
import type { Channel, ChannelEnd, ChannelHandlers, ChannelTarget } from './channel.ts';
import { endForErrorEvent, endForReplaced } from './channel.ts';
import { findRefusal } from './refusal.ts';

/** Opens one socket. It lasts until one side closes it. */
export function openWsChannel(target: ChannelTarget, handlers: ChannelHandlers): Channel {
  const socket = openBoundedSocket(socketUrl(target), target.headers);
  const ended = Promise.withResolvers<ChannelEnd>();
  const asking = new AbortController();
  let opened = false;
  let endCalls: (() => void) | undefined;

  const settle = (end: ChannelEnd) => {
    clearInterval(pings);
    endCalls?.();
    watch.stop();
    asking.abort();
    ended.resolve(end);
  };
  const giveUp = (end: ChannelEnd) => {
    settle(end);
    socket.close();
  };
  const watch = new SilenceWatch(() => giveUp({ kind: 'broken', message: 'the link went silent' }));
  const pings = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send(PING);
  }, KEEP_ALIVE_MS);

  socket.addEventListener('open', () => {
    opened = true;
    watch.heard();
  });
  socket.addEventListener('message', (message) => {
    watch.heard();
    if (sizeOf(message.data) > MAX_EVENT_BYTES)
      return giveUp({ kind: 'broken', message: 'an event is too large' });
    if (typeof message.data === 'string' && target.carrier?.hear(message.data)) return;
    const event = readFrame(message.data);
    if (event === undefined) return;
    if (event.event === 'ready') endCalls ??= takeCalls(socket, target, event.data.maxCallBytes);
    handlers.onEvent(event);
    // The last event decides why the channel ended. The close frame after this event may take seconds, or may never arrive if the
    // connection is dead.
    if (event.event === 'error') giveUp(endForErrorEvent(event.data, target));
  });
  socket.addEventListener('close', async (close) => {
    if (opened) return settle(endForClose(close, target));
    settle((await findRefusal(target, asking.signal)) ?? NOT_OPENED);
  });
  // A close follows every error. Without this listener, Node would treat the error as unhandled.
  socket.addEventListener('error', () => {
    if (opened) settle({ kind: 'broken', message: 'the socket broke' });
  });

  return {
    transport: 'ws',
    ended: ended.promise,
    close: () => giveUp({ kind: 'broken', message: 'closed' }),
  };
}

/** More unsent bytes than this, and the connection is slower than a request. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Sends calls over the socket if the server has said how large they may be. */
function takeCalls(
  socket: WebSocket,
  { carrier, baseUrl, token }: ChannelTarget,
  maxBytes: unknown,
): (() => void) | undefined {
  if (carrier === undefined || token === undefined || typeof maxBytes !== 'number') return undefined;
  return carrier.use({
    baseUrl,
    token,
    maxBytes,
    send(frame) {
      if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
      socket.send(frame);
      return true;
    },
  });
}

const NOT_OPENED: ChannelEnd = { kind: 'broken', message: 'the socket could not be opened' };

function endForClose(
  { code, reason }: CloseEvent,
  { instance }: Pick<ChannelTarget, 'instance'>,
): ChannelEnd {
  if (code === CLOSE_CODES.unauthorized) return { kind: 'unauthorized', message: reason };
  if (code === CLOSE_CODES.replaced) {
    const isOwn = reason.split(' ').includes(instance);
    return endForReplaced('Another runner of this machine connected.', isOwn);
  }
  if (code === CLOSE_CODES.timeout) return { kind: 'finished' };
  return { kind: 'broken', message: `the socket closed (${code})` };
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return Buffer.isBuffer(data) ? data.byteLength : 0;
}

/** Pongs, unknown events and unreadable frames are ignored: a newer server may send more. */
function readFrame(data: unknown) {
  if (typeof data !== 'string' || !data.startsWith('{')) return undefined;
  try {
    return channelEvent.safeParse(JSON.parse(data)).data;
  } catch {
    // The frame is not JSON, so it is not from this protocol.
    return undefined;
  }
}

function socketUrl(target: ChannelTarget): string {
  const query = new URLSearchParams({ machineId: target.machineId, instance: target.instance });
  return `${target.baseUrl.replace(/^http/, 'ws')}/api/cli/runner/events/ws?${query}`;
}
