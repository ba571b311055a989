/**
 * Opens and closes the channels of one machine. The Worker has authenticated the caller and says in headers of its own
 * who it is; nobody else can reach the object.
 */

import { CLOSE_CODES, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';
import type { Deps } from '../deps.ts';
import { lookForChannel, recordListening } from '../services/listening.ts';
import type { MachineOf } from '../services/live-leases.ts';
import { isTokenLive, tokenMark } from '../services/revoke-channels.ts';
import type { Channel } from './channels.ts';
import { channelOf, closeRevoked, listeningChannel, openChannel, tellSocket } from './channels.ts';

/** Who connects, in the words of the Worker: with the hash of the token, of which only a mark is kept. */
type Arrival =
  | (Omit<Extract<Channel, { role: 'runner' }>, 'token'> & { tokenHash: string })
  | (Omit<Extract<Channel, { role: 'watcher' }>, 'token'> & { tokenHash?: string });

/** Header in which the Worker says who connects: JSON of an `Arrival`. */
export const CHANNEL_HEADER = 'x-orp-channel';

/** What a refused upgrade carries: the name of the refusal. */
export const REFUSED_HEADER = 'x-orp-refused';

/**
 * Accepts a channel. The look at the queue comes after the accept: a job queued before it is found, one queued after it
 * wakes the socket. There is no gap. Nor is there one for the token: revoked before, D1 says so here; later, its channels are
 * closed, and this one stands among them.
 */
export async function receive(
  {
    state,
    machine,
    deps,
    onWork,
  }: { state: DurableObjectState; machine: MachineOf; deps: Deps; onWork: () => void },
  request: Request,
): Promise<Response> {
  const channel = JSON.parse(request.headers.get(CHANNEL_HEADER) ?? 'null') as Arrival | null;
  if (channel === null || request.headers.get('upgrade') !== 'websocket')
    return new Response(null, { status: 400 });
  if (channel.role === 'watcher') return receiveWatcher({ state, deps }, channel);

  const { tokenHash, ...rest } = channel;
  const { response, socket } = openChannel(state, { ...rest, token: tokenMark(tokenHash) });
  const [found, isSignedIn] = await Promise.all([
    lookForChannel(deps, machine),
    isTokenLive(deps, tokenHash),
  ]);
  if (!isSignedIn) {
    closeRevoked(socket);
    return refused('unauthenticated');
  }
  if (found === 'unknown_machine' || found === 'foreign_machine') {
    socket.close(CLOSE_CODES.unauthorized, found);
    return refused(found);
  }
  tellSocket(socket, {
    event: 'ready',
    data: { ok: true, machineId: machine.machineId, keepAliveMs: KEEP_ALIVE_MS },
  });
  await recordListening(deps, machine, channel);
  // The same as a wake: the poll that follows must look for itself, whatever an earlier look found.
  if (found === 'work') onWork();
  return response;
}

async function receiveWatcher(
  { state, deps }: { state: DurableObjectState; deps: Deps },
  { tokenHash, ...watcher }: Extract<Arrival, { role: 'watcher' }>,
): Promise<Response> {
  if (tokenHash === undefined) return openChannel(state, watcher).response;
  const { response, socket } = openChannel(state, { ...watcher, token: tokenMark(tokenHash) });
  if (await isTokenLive(deps, tokenHash)) return response;
  closeRevoked(socket);
  return refused('unauthenticated');
}

function refused(name: string): Response {
  return new Response(null, { status: 409, headers: { [REFUSED_HEADER]: name } });
}

/**
 * A channel has ended. A stream that reached its time comes back in a moment, so nothing is noted; any other end is,
 * unless another channel stands already.
 */
export async function dismiss(
  { state, machine, deps }: { state: DurableObjectState; machine: MachineOf; deps: Deps },
  { socket, code }: { socket: WebSocket; code: number },
): Promise<void> {
  if (channelOf(socket)?.role !== 'runner' || code === CLOSE_CODES.timeout) return;
  const other = listeningChannel(state);
  if (other === undefined) await recordListening(deps, machine, undefined);
}
