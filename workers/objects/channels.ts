/**
 * The open channels of one machine. Every channel is a hibernatable WebSocket: a runner's own, or the Worker's end of an
 * SSE bridge. The sockets and their attachments are the only record; nothing here lives in memory, so the object may
 * hibernate between any two events.
 */

import type { ChannelEvent } from '../../spec/transport/events.ts';
import { CLOSE_CODES, PING, PONG } from '../../spec/transport/events.ts';
import type { WatchNews } from '../../spec/transport/watch.ts';

/**
 * Who is at the other end of a socket, and by which token. Survives hibernation as the socket's attachment. The token of a
 * watcher from another account is not known here: the Worker that holds the stream looks after it.
 */
export type Channel =
  | { role: 'runner'; transport: 'ws' | 'sse'; instance: string; token: string }
  | { role: 'watcher'; jobId: string; token?: string | undefined };

/** Only what channels need of the object's state, so that a rule can be tested with less. */
export type SocketState = Pick<
  DurableObjectState,
  'acceptWebSocket' | 'getWebSockets' | 'setWebSocketAutoResponse'
>;

const CLOSED_NORMALLY = 1000;
const RUNNER_TAG = 'runner';

function watcherTag(jobId: string): string {
  return `job:${jobId}`;
}

/** `ping` is answered by the runtime: keeping a link alive neither wakes the object nor costs anything. */
export function answerPings(state: SocketState): void {
  state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
}

/** Accepts a channel and answers the upgrade. A new runner channel closes the older ones: the newest instance wins. */
export function openChannel(state: SocketState, channel: Channel): { response: Response; socket: WebSocket } {
  if (channel.role === 'runner')
    closeRunnerChannels(state, CLOSE_CODES.replaced, replacedBy(channel.instance));
  const pair = new WebSocketPair();
  const socket = pair[1];
  state.acceptWebSocket(socket, [channel.role === 'runner' ? RUNNER_TAG : watcherTag(channel.jobId)]);
  socket.serializeAttachment(channel);
  return { response: new Response(null, { status: 101, webSocket: pair[0] }), socket };
}

/** The runner channel that counts, if any is open. */
export function listeningChannel(state: SocketState): Extract<Channel, { role: 'runner' }> | undefined {
  for (const socket of openSockets(state, RUNNER_TAG)) {
    const channel = channelOf(socket);
    if (channel?.role === 'runner') return channel;
  }
  return undefined;
}

/** Tells the runner; false when no channel is open. A dead socket is no error: the hint was only a hint. */
export function tellRunner(state: SocketState, event: ChannelEvent): boolean {
  return send(openSockets(state, RUNNER_TAG), JSON.stringify(event));
}

/** Tells one channel. */
export function tellSocket(socket: WebSocket, event: ChannelEvent): void {
  send([socket], JSON.stringify(event));
}

/** Tells everyone who follows one job. */
export function tellWatchers(state: SocketState, jobId: string, news: WatchNews): void {
  const sockets = openSockets(state, watcherTag(jobId));
  if (sockets.length > 0) send(sockets, JSON.stringify(news));
}

/** Says why, then closes every runner channel. SSE bridges pass the event on; WebSocket clients see the close as well. */
export function closeRunnerChannels(state: SocketState, code: number, farewell: ChannelEvent): void {
  for (const socket of openSockets(state, RUNNER_TAG)) {
    send([socket], JSON.stringify(farewell));
    closeQuietly(socket, code, String(farewell.data.code));
  }
}

/** Closes what a token opened that counts no more. */
export function closeChannelsOf(state: SocketState, token: string): void {
  for (const socket of openSockets(state)) {
    if (channelOf(socket)?.token === token) closeRevoked(socket);
  }
}

/** Says why, then closes. */
export function closeRevoked(socket: WebSocket): void {
  send([socket], JSON.stringify(SIGNED_OUT));
  closeQuietly(socket, CLOSE_CODES.unauthorized, 'unauthenticated');
}

const SIGNED_OUT: ChannelEvent = {
  event: 'error',
  data: { code: 'unauthenticated', error: 'The token was revoked. Sign in again.' },
};

/** Who was at the other end. */
export function channelOf(socket: WebSocket): Channel | undefined {
  return (socket.deserializeAttachment() as Channel | null) ?? undefined;
}

function openSockets(state: SocketState, tag?: string): WebSocket[] {
  return state.getWebSockets(tag).filter((socket) => socket.readyState === WebSocket.OPEN);
}

function send(sockets: readonly WebSocket[], text: string): boolean {
  let told = false;
  for (const socket of sockets) {
    try {
      socket.send(text);
      told = true;
    } catch {
      // The peer is gone and the close event is on its way; whoever is there polls anyway.
    }
  }
  return told;
}

/** Answers the close of the other end at once, so that it need not wait for its own patience to end. */
export function answerClose(socket: WebSocket): void {
  closeQuietly(socket, CLOSED_NORMALLY, 'closed');
}

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // Already closed: that is what was wanted.
  }
}

function replacedBy(instance: string): ChannelEvent {
  return {
    event: 'error',
    data: {
      code: 'replaced',
      instance,
      error: 'Another runner of this machine connected; this one stops claiming.',
    },
  };
}
