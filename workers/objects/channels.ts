/**
 * The open channels of one machine. Every channel is a hibernatable WebSocket: a runner's own, or the Worker's end of an
 * SSE bridge. The sockets and their attachments are the only record; nothing here lives in memory, so the object may
 * hibernate between any two events.
 */

import { cutToBytes } from '../../spec/text.ts';
import type { ChannelEvent } from '../../spec/transport/events.ts';
import { CLOSE_CODES, DEAD_AFTER_MS, PING, PONG } from '../../spec/transport/events.ts';
import type { WatchNews } from '../base/watch.ts';

/**
 * Who is at the other end of a socket, and by which token. Survives hibernation as the socket's attachment. The token of a
 * watcher from another account is not known here: the Worker that holds the stream looks after it.
 */
export type Channel =
  | (RunnerArrival & {
      role: 'runner';
      /** By the runtime's own clock, which stamps the pings, too; grows from channel to channel of one machine. */
      openedAt: number;
      /**
       * Whether the token and the machine were accepted. Until then the channel gets all events, but is not the
       * machine's channel.
       */
      isAdmitted: boolean;
    })
  | { role: 'watcher'; jobId: string; token?: string | undefined };

export type RunnerChannel = Extract<Channel, { role: 'runner' }>;

/** What a runner says of itself, and a mark of its token. */
export interface RunnerArrival {
  transport: 'ws' | 'sse';
  instance: string;
  token: string;
}

/** The part of the object's state that channels need. */
export type SocketState = Pick<
  DurableObjectState,
  'acceptWebSocket' | 'getWebSockets' | 'setWebSocketAutoResponse' | 'getWebSocketAutoResponseTimestamp'
>;

const CLOSED_NORMALLY = 1000;
const FAILED = 1011;
const AGAINST_THE_RULES = 1008;
const RUNNER_TAG = 'runner';

function watcherTag(jobId: string): string {
  return `job:${jobId}`;
}

/** The runtime answers `ping`: keep-alives neither wake the object nor cost anything. */
export function answerPings(state: SocketState): void {
  state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
}

/** Accepts a runner's channel, on trial: it misses nothing from now on, and the one before it stays until `admit`. */
export function openRunnerChannel(state: SocketState, arrival: RunnerArrival): Opened {
  const newestAt = Math.max(0, ...openRunners(state).map(({ channel }) => channel.openedAt));
  const openedAt = Math.max(Date.now(), newestAt + 1);
  return open(state, RUNNER_TAG, { ...arrival, role: 'runner', openedAt, isAdmitted: false });
}

/** Accepts the channel of somebody who follows a job. */
export function openWatcherChannel(state: SocketState, watcher: { jobId: string; token?: string }): Opened {
  return open(state, watcherTag(watcher.jobId), { ...watcher, role: 'watcher' });
}

/** How many follow jobs here. */
export function countWatchers(state: SocketState): number {
  return state.getWebSockets().filter((socket) => channelOf(socket)?.role === 'watcher').length;
}

/** An accepted channel: the answer to the upgrade, and the object's end. */
export interface Opened {
  response: Response;
  socket: WebSocket;
}

function open(state: SocketState, tag: string, channel: Channel): Opened {
  const pair = new WebSocketPair();
  const socket = pair[1];
  state.acceptWebSocket(socket, [tag]);
  socket.serializeAttachment(channel);
  return { response: new Response(null, { status: 101, webSocket: pair[0] }), socket };
}

/**
 * Makes a channel the machine's channel, and closes the older ones: the newest instance wins. False when a newer one
 * has won already.
 */
export function admit(state: SocketState, socket: WebSocket): boolean {
  const runners = openRunners(state);
  const channel = runners.find((one) => one.socket === socket)?.channel;
  if (channel === undefined) return false;
  socket.serializeAttachment({ ...channel, isAdmitted: true } satisfies Channel);
  for (const older of runners) {
    if (older.channel.openedAt >= channel.openedAt) continue;
    send([older.socket], JSON.stringify(replacedBy(channel.instance)));
    closeQuietly(older.socket, CLOSE_CODES.replaced, `replaced by ${channel.instance}`);
  }
  return true;
}

/** The machine's runner channel, if one is open. */
export function listeningChannel(state: SocketState): RunnerChannel | undefined {
  return openRunners(state).find((one) => one.channel.isAdmitted && !isSilent(state, one))?.channel;
}

/**
 * Closes WebSockets whose client has not pinged for too long. Returns when the last such client pinged; undefined
 * when there is none. Called only when something else happens, so idle machines cost nothing.
 */
export function closeSilent(state: SocketState): number | undefined {
  const silent = openRunners(state).filter((one) => isSilent(state, one));
  for (const { socket } of silent) closeQuietly(socket, CLOSE_CODES.timeout, 'no ping');
  return silent.length === 0 ? undefined : Math.max(...silent.map((one) => heardAt(state, one)));
}

/** A stream does not ping: the Worker that holds it looks after its reader. */
function isSilent(state: SocketState, runner: OpenRunner): boolean {
  return runner.channel.transport === 'ws' && Date.now() - heardAt(state, runner) > DEAD_AFTER_MS;
}

function heardAt(state: SocketState, { socket, channel }: OpenRunner): number {
  return Math.max(channel.openedAt, state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
}

/** Sends an event to the runner. A dead socket is no error: the event is only a hint. */
export function tellRunner(state: SocketState, event: ChannelEvent): void {
  send(openSockets(state, RUNNER_TAG), JSON.stringify(event));
}

/** Tells one channel. */
export function tellSocket(socket: WebSocket, event: ChannelEvent): void {
  send([socket], JSON.stringify(event));
}

/** Sends an event to every follower of a job. */
export function tellWatchers(state: SocketState, jobId: string, news: WatchNews): void {
  const sockets = openSockets(state, watcherTag(jobId));
  if (sockets.length > 0) send(sockets, JSON.stringify(news));
}

/** Closes all channels opened with a revoked token. */
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

/** Closes a channel that was refused; its client learns the reason from the answer to the upgrade. */
export function closeRefused(socket: WebSocket, reason: string): void {
  closeQuietly(socket, CLOSE_CODES.unauthorized, reason);
}

/** Closes a channel whose client sent anything but a ping: the runtime answers those, so that all else wakes the object in vain. */
export function closeTalkative(socket: WebSocket): void {
  closeQuietly(socket, AGAINST_THE_RULES, 'A client may send nothing but ping on this channel.');
}

/** Closes a channel that was not fully opened: its client was never connected to it. */
export function closeFailed(socket: WebSocket): void {
  closeQuietly(socket, FAILED, 'failed');
}

const SIGNED_OUT: ChannelEvent = {
  event: 'error',
  data: { code: 'unauthenticated', error: 'The token was revoked. Sign in again.' },
};

/** Who was at the other end. */
export function channelOf(socket: WebSocket): Channel | undefined {
  return (socket.deserializeAttachment() as Channel | null) ?? undefined;
}

interface OpenRunner {
  socket: WebSocket;
  channel: RunnerChannel;
}

function openRunners(state: SocketState): OpenRunner[] {
  return openSockets(state, RUNNER_TAG).flatMap((socket) => {
    const channel = channelOf(socket);
    return channel?.role === 'runner' ? [{ socket, channel }] : [];
  });
}

function openSockets(state: SocketState, tag?: string): WebSocket[] {
  return state.getWebSockets(tag).filter((socket) => socket.readyState === WebSocket.OPEN);
}

function send(sockets: readonly WebSocket[], text: string): void {
  for (const socket of sockets) {
    try {
      socket.send(text);
    } catch {
      // The peer is gone and its close event is on the way.
    }
  }
}

/** Answers the close of the other end at once, so that it does not wait for a timeout. */
export function answerClose(socket: WebSocket): void {
  closeQuietly(socket, CLOSED_NORMALLY, 'closed');
}

/** What a close frame can carry (RFC 6455, section 5.5); a longer one throws, and closes nothing. */
const MAX_REASON_BYTES = 123;

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, cutToBytes(reason, MAX_REASON_BYTES));
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
