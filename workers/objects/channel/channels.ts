/**
 * The open channels of one machine. Every channel is a hibernatable WebSocket: either to a runner, or to the SSE bridge of
 * the Worker. All state is in the sockets and their attachments, so the object may hibernate between any two events.
 */

import { cutToBytes } from '../../../spec/text.ts';
import type { ChannelEvent } from '../../../spec/transport/events.ts';
import { CLOSE_CODES, DEAD_AFTER_MS, PING, PONG } from '../../../spec/transport/events.ts';
import type { WatchNews } from '../../base/watch.ts';

/**
 * The client of a socket and its token. Stored as the socket's attachment, which survives hibernation. The token of a watcher
 * from another account is not stored here; the Worker that serves the stream checks it.
 */
export type Channel =
  | (RunnerArrival & {
      role: 'runner';
      /**
       * When the channel opened, by the runtime's clock, which also stamps pings. A later channel of a machine has a
       * higher value.
       */
      openedAt: number;
      /**
       * True if the token and the machine were accepted. Until then the channel gets all events, but is not the
       * machine's channel.
       */
      isAdmitted: boolean;
      /** The leases of the machine, if this channel keeps them. */
      leases?: readonly unknown[] | undefined;
    })
  | { role: 'watcher'; jobId: string; token?: string | undefined };

export type RunnerChannel = Extract<Channel, { role: 'runner' }>;

/** The runner's description of itself, and a mark of its token. */
export interface RunnerArrival {
  transport: 'ws' | 'sse';
  instance: string;
  token: string;
  /** The client. Absent if an older version of the server opened the channel. */
  caller?: Caller | undefined;
}

/** What the Worker knows about the client of a channel. Each call over a WebSocket is checked with it like a request. */
export interface Caller {
  tokenHash: string;
  address: string;
  agent: string;
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

/** Lets the runtime answer `ping`, so that keep-alives neither wake the object nor cost anything. */
export function answerPings(state: SocketState): void {
  state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
}

/**
 * Accepts a runner's channel provisionally. It gets all events from now on. The previous channel stays open until `admit`.
 */
export function openRunnerChannel(state: SocketState, arrival: RunnerArrival): Opened {
  const newestAt = Math.max(0, ...openRunners(state).map(({ channel }) => channel.openedAt));
  const openedAt = Math.max(Date.now(), newestAt + 1);
  return open(state, RUNNER_TAG, { ...arrival, role: 'runner', openedAt, isAdmitted: false });
}

/** Accepts the channel of a person who follows a job. */
export function openWatcherChannel(state: SocketState, watcher: { jobId: string; token?: string }): Opened {
  return open(state, watcherTag(watcher.jobId), { ...watcher, role: 'watcher' });
}

/** Returns the number of channels that follow jobs here. */
export function countWatchers(state: SocketState): number {
  return state.getWebSockets().filter((socket) => channelOf(socket)?.role === 'watcher').length;
}

/** An accepted channel: the answer to the upgrade, and the object's end of the socket. */
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
 * Makes this channel the machine's channel and closes older channels. Returns false if a newer channel was admitted before.
 */
export function admit(state: SocketState, socket: WebSocket): boolean {
  const runners = openRunners(state);
  const channel = runners.find((one) => one.socket === socket)?.channel;
  if (channel === undefined) return false;
  const kept = runners.map((one) => one.channel.leases).find((leases) => leases !== undefined);
  const { leases = kept } = channel;
  socket.serializeAttachment({ ...channel, isAdmitted: true, leases } satisfies Channel);
  for (const older of runners) {
    if (older.channel.openedAt >= channel.openedAt) continue;
    send([older.socket], JSON.stringify(replacedBy(channel.instance)));
    closeQuietly(older.socket, CLOSE_CODES.replaced, `replaced by ${channel.instance}`);
  }
  return true;
}

/** The machine's runner channel, if one is open. */
export function listeningChannel(state: SocketState): RunnerChannel | undefined {
  return listeningRunner(state)?.channel;
}

function listeningRunner(state: SocketState): OpenRunner | undefined {
  return openRunners(state).find((one) => one.channel.isAdmitted && !isSilent(state, one));
}

/** An attachment has at most 16 KiB. */
const MAX_KEPT_BYTES = 8 * 1024;

/**
 * Keeps the leases of the machine with its open WebSocket. They survive hibernation, and writing them costs nothing. Returns
 * false if there is no such channel; then no channel keeps any leases.
 */
export function keepLeases(state: SocketState, leases: readonly unknown[]): boolean {
  const keeper = leaseKeeper(state);
  const fits = JSON.stringify(leases).length <= MAX_KEPT_BYTES;
  for (const { socket, channel } of openRunners(state)) {
    const isKeeper = socket === keeper?.socket && fits;
    if (isKeeper || channel.leases !== undefined)
      socket.serializeAttachment({ ...channel, leases: isKeeper ? leases : undefined } satisfies Channel);
  }
  return keeper !== undefined && fits;
}

/** Returns whether a channel can keep leases. */
export function canKeepLeases(state: SocketState): boolean {
  return leaseKeeper(state) !== undefined;
}

/** Returns whether a channel of a runner is open. */
export function hasRunner(state: SocketState): boolean {
  return openRunners(state).length > 0;
}

/** Returns the leases that a channel keeps. */
export function keptLeases(state: SocketState): readonly unknown[] | undefined {
  return openRunners(state)
    .map(({ channel }) => channel.leases)
    .find((leases) => leases !== undefined);
}

function leaseKeeper(state: SocketState): OpenRunner | undefined {
  const runner = listeningRunner(state);
  return runner?.channel.transport === 'ws' ? runner : undefined;
}

/**
 * Closes WebSockets whose client has not pinged for too long. Returns the time of the last ping of such a client, or
 * undefined. Called only when something else happens, so idle machines cost nothing.
 */
export function closeSilent(state: SocketState): number | undefined {
  const silent = openRunners(state).filter((one) => isSilent(state, one));
  for (const { socket } of silent) closeQuietly(socket, CLOSE_CODES.timeout, 'no ping');
  return silent.length === 0 ? undefined : Math.max(...silent.map((one) => heardAt(state, one)));
}

/** Returns whether a WebSocket is silent. Streams do not ping; the Worker that serves a stream checks its reader. */
function isSilent(state: SocketState, runner: OpenRunner): boolean {
  return runner.channel.transport === 'ws' && Date.now() - heardAt(state, runner) > DEAD_AFTER_MS;
}

function heardAt(state: SocketState, { socket, channel }: OpenRunner): number {
  return Math.max(channel.openedAt, state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
}

/** Sends an event to the runner. A dead socket is no error, because an event may be lost. */
export function tellRunner(state: SocketState, event: ChannelEvent): void {
  send(openSockets(state, RUNNER_TAG), JSON.stringify(event));
}

/** Sends an event to one channel. */
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

/** Closes all channels of a disabled account. Channels without a token belong to operators, so they stay open. */
export function closeOwnChannels(state: SocketState): void {
  for (const socket of openSockets(state)) {
    if (channelOf(socket)?.token !== undefined) closeRevoked(socket);
  }
}

/** Sends the reason, then closes the channel. */
export function closeRevoked(socket: WebSocket): void {
  send([socket], JSON.stringify(SIGNED_OUT));
  closeQuietly(socket, CLOSE_CODES.unauthorized, 'unauthenticated');
}

/** Closes a channel that was refused; its client learns the reason from the answer to the upgrade. */
export function closeRefused(socket: WebSocket, reason: string): void {
  closeQuietly(socket, CLOSE_CODES.unauthorized, reason);
}

/** Closes a channel whose client sent anything except pings and calls, because each such message wakes the object. */
export function closeTalkative(socket: WebSocket): void {
  closeQuietly(socket, AGAINST_THE_RULES, 'A runner may send nothing but ping and calls on this channel.');
}

/** Closes a channel that was not completely opened, so its client was never connected. */
export function closeFailed(socket: WebSocket): void {
  closeQuietly(socket, FAILED, 'failed');
}

const SIGNED_OUT: ChannelEvent = {
  event: 'error',
  data: { code: 'unauthenticated', error: 'The token was revoked. Sign in again.' },
};

/** Returns the client of a socket. */
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
      // The client is gone, and its close event follows.
    }
  }
}

/** Answers the close of the other end at once, so that it does not wait for a timeout. */
export function answerClose(socket: WebSocket): void {
  closeQuietly(socket, CLOSED_NORMALLY, 'closed');
}

/**
 * The maximum length of the reason in a close frame (RFC 6455, section 5.5). A longer reason would throw and not close the
 * socket.
 */
const MAX_REASON_BYTES = 123;

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, cutToBytes(reason, MAX_REASON_BYTES));
  } catch {
    // The socket is already closed.
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
