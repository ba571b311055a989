/**
 * Opens and closes the channels of one machine. The Worker has authenticated the caller and describes it in a header. Only
 * the Worker can reach the object.
 */

import { MAX_CALL_BYTES } from '../../spec/contract/events.ts';
import { CLOSE_CODES, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';
import { limitsOf } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { isTokenLive, tokenMark } from '../base/notify.ts';
import {
  admit,
  type Caller,
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
} from './channel/channels.ts';
import { type Found, findWork } from './claim.ts';
import { recordListening } from './heartbeats.ts';
import type { MachineAlarm } from './machine-alarm.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** The caller as the Worker describes it, with the hash of the token. Only a prefix of the hash is kept. */
type Arrival =
  | (Omit<RunnerArrival, 'token' | 'caller'> & Caller & { role: 'runner' })
  | { role: 'watcher'; jobId: string; tokenHash?: string };

/** The object that accepts the channel. */
interface Receiver {
  state: DurableObjectState;
  machine: MachineOf;
  deps: Deps;
  /** Called if there is already work. */
  onWork(): void;
  /** Announces jobs that become due later. */
  alarm: Pick<MachineAlarm, 'announceAt'>;
  gate: Pick<ClaimGate, 'mayBeDue'>;
}

/** The header in which the Worker describes the caller: JSON of an `Arrival`. */
export const CHANNEL_HEADER = 'x-orp-channel';

/** The header of a refused upgrade. It contains the name of the refusal. */
export const REFUSED_HEADER = 'x-orp-refused';

/** If fewer channels than this follow jobs of the machine, another follower is accepted without reading the account's limit. */
const FEW_FOLLOWERS = 4;

/** Accepts or refuses a channel. If an error occurs, no channel stays open. */
export async function acceptChannel(receiver: Receiver, request: Request): Promise<Response> {
  const arrival = JSON.parse(request.headers.get(CHANNEL_HEADER) ?? 'null') as Arrival | null;
  if (arrival === null || request.headers.get('upgrade') !== 'websocket')
    return new Response(null, { status: 400 });
  return arrival.role === 'watcher' ? receiveWatcher(receiver, arrival) : receiveRunner(receiver, arrival);
}

/**
 * Accepts a runner's channel. The queue is read after the accept, so no job is missed: an earlier job is found, and a later
 * job wakes the socket. A revoked token is not missed either: D1 reports an earlier revocation here, and a later revocation
 * closes all channels of the token. The previous channel of the runner is replaced last, when the new channel is open.
 */
async function receiveRunner(
  receiver: Receiver,
  { tokenHash, transport, instance, address, agent }: Extract<Arrival, { role: 'runner' }>,
): Promise<Response> {
  const { state, machine, deps, gate } = receiver;
  const { response, socket } = openRunnerChannel(state, {
    ...{ transport, instance, token: tokenMark(tokenHash) },
    caller: { tokenHash, address, agent },
  });
  return orClose(socket, async () => {
    const [found, isSignedIn] = await Promise.all([
      findWork(deps, machine, gate.mayBeDue(deps.now)),
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
    // A newer channel replaced this one during the check. The channel tells its client, and the open channel is recorded.
    if (!admit(state, socket)) await recordListening(deps, machine, listeningChannel(state));
    else openChannel(receiver, { socket, found, transport });
    return response;
  });
}

function openChannel(
  { machine, onWork }: Receiver,
  { socket, found, transport }: { socket: WebSocket; found: Found; transport: 'ws' | 'sse' },
): void {
  const { machineId } = machine;
  const calls = transport === 'ws' ? { maxCallBytes: MAX_CALL_BYTES } : {};
  tellSocket(socket, {
    event: 'ready',
    data: { ok: true, machineId, keepAliveMs: KEEP_ALIVE_MS, ...calls },
  });
  // The next poll must read the queue, as it does after a wake-up.
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

/** Reads the limit only if there are many followers, because most jobs have one. */
async function mayFollow(
  deps: Deps,
  { userId, followers }: { userId: string; followers: number },
): Promise<boolean> {
  return followers < FEW_FOLLOWERS || followers < (await limitsOf(deps, userId)).followStreams;
}

/** Closes the channel if its client gets no answer, because its events would reach no runner. */
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
 * Handles the end of a channel. After the time limit of a stream, nothing is recorded, because the client reopens it in a
 * moment. Every other end is recorded, unless another channel is open.
 */
export async function closeChannel(
  { state, machine, deps }: Pick<Receiver, 'state' | 'machine' | 'deps'>,
  { socket, code }: { socket: WebSocket; code: number },
): Promise<void> {
  if (channelOf(socket)?.role !== 'runner' || code === CLOSE_CODES.timeout) return;
  const other = listeningChannel(state);
  if (other === undefined) await recordListening(deps, machine, undefined);
}
