/**
 * Opens and closes the channels of one machine. The Worker has authenticated the caller and names it in its own
 * headers; only the Worker can reach the object.
 */

import { CLOSE_CODES, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';
import { limitsOf } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { isTokenLive, tokenMark } from '../base/notify.ts';
import {
  admit,
  channelOf,
  closeFailed,
  closeRefused,
  closeRevoked,
  countWatchers,
  listeningChannel,
  openRunnerChannel,
  openWatcherChannel,
  type RunnerArrival,
  tellSocket,
} from './channels.ts';
import { type Found, lookForChannel, recordListening } from './heartbeats.ts';
import type { MachineAlarm } from './machine-alarm.ts';

/** Who connects, as the Worker reports it, with the hash of the token. Only a mark of the hash is kept. */
type Arrival =
  | (Omit<RunnerArrival, 'token'> & { role: 'runner'; tokenHash: string })
  | { role: 'watcher'; jobId: string; tokenHash?: string };

/** The object that receives. */
interface Receiver {
  state: DurableObjectState;
  machine: MachineOf;
  deps: Deps;
  /** There is work already. */
  onWork(): void;
  /** Announces work that becomes due. */
  alarm: Pick<MachineAlarm, 'announceAt'>;
}

/** Header in which the Worker says who connects: JSON of an `Arrival`. */
export const CHANNEL_HEADER = 'x-orp-channel';

/** What a refused upgrade carries: the name of the refusal. */
export const REFUSED_HEADER = 'x-orp-refused';

/** Fewer followers than this are accepted without reading the account's limit. */
const FEW_FOLLOWERS = 4;

/** Accepts a channel, or refuses it. A failure on the way leaves no channel open. */
export async function acceptChannel(receiver: Receiver, request: Request): Promise<Response> {
  const arrival = JSON.parse(request.headers.get(CHANNEL_HEADER) ?? 'null') as Arrival | null;
  if (arrival === null || request.headers.get('upgrade') !== 'websocket')
    return new Response(null, { status: 400 });
  return arrival.role === 'watcher' ? receiveWatcher(receiver, arrival) : receiveRunner(receiver, arrival);
}

/**
 * The queue is read after the accept: a job queued before is found, one queued afterwards wakes the socket, so none
 * is missed. Neither is a revoked token: D1 reports an earlier revocation here, and a later one closes the token's
 * channels, this one included. The runner that listened before is replaced last, when the new channel is open.
 */
async function receiveRunner(
  receiver: Receiver,
  { tokenHash, transport, instance }: Extract<Arrival, { role: 'runner' }>,
): Promise<Response> {
  const { state, machine, deps } = receiver;
  const { response, socket } = openRunnerChannel(state, { transport, instance, token: tokenMark(tokenHash) });
  return orClose(socket, async () => {
    const [found, isSignedIn] = await Promise.all([
      lookForChannel(deps, machine),
      isTokenLive(deps, tokenHash),
    ]);
    if (!isSignedIn) {
      closeRevoked(socket);
      return refused('unauthenticated');
    }
    if (found.kind === 'unknown_machine' || found.kind === 'foreign_machine') {
      closeRefused(socket, found.kind);
      return refused(found.kind);
    }
    await recordListening(deps, machine, { transport, instance });
    if (found.kind === 'idle') await receiver.alarm.announceAt(found.nextAt, deps.now);
    // Replaced while it was checked: its client learns it on the channel, and the open channel is recorded.
    if (!admit(state, socket)) await recordListening(deps, machine, listeningChannel(state));
    else openChannel(receiver, { socket, found });
    return response;
  });
}

function openChannel(
  { machine, onWork }: Receiver,
  { socket, found }: { socket: WebSocket; found: Found },
): void {
  tellSocket(socket, {
    event: 'ready',
    data: { ok: true, machineId: machine.machineId, keepAliveMs: KEEP_ALIVE_MS },
  });
  // The same as a wake: the next poll must look at the queue, whatever an earlier poll found.
  if (found.kind === 'work') onWork();
}

async function receiveWatcher(
  { state, machine, deps }: Receiver,
  { tokenHash, jobId }: Extract<Arrival, { role: 'watcher' }>,
): Promise<Response> {
  if (!(await mayFollow(deps, { userId: machine.userId, followers: countWatchers(state) })))
    return refused('limit_reached');
  if (tokenHash === undefined) return openWatcherChannel(state, { jobId }).response;
  const { response, socket } = openWatcherChannel(state, { jobId, token: tokenMark(tokenHash) });
  return orClose(socket, async () => {
    if (await isTokenLive(deps, tokenHash)) return response;
    closeRevoked(socket);
    return refused('unauthenticated');
  });
}

/** The limit is read only where it may matter: most jobs have one follower. */
async function mayFollow(
  deps: Deps,
  { userId, followers }: { userId: string; followers: number },
): Promise<boolean> {
  return followers < FEW_FOLLOWERS || followers < (await limitsOf(deps, userId)).followStreams;
}

/** A channel whose client gets no answer must be closed: its events would reach no runner. */
async function orClose(socket: WebSocket, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    closeFailed(socket);
    throw error;
  }
}

function refused(name: string): Response {
  return new Response(null, { status: 409, headers: { [REFUSED_HEADER]: name } });
}

/**
 * A channel has ended. A stream that reached its time limit is reopened in a moment, so nothing is recorded; any
 * other end is, unless another channel is open.
 */
export async function closeChannel(
  { state, machine, deps }: Pick<Receiver, 'state' | 'machine' | 'deps'>,
  { socket, code }: { socket: WebSocket; code: number },
): Promise<void> {
  if (channelOf(socket)?.role !== 'runner' || code === CLOSE_CODES.timeout) return;
  const other = listeningChannel(state);
  if (other === undefined) await recordListening(deps, machine, undefined);
}
