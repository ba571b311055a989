/**
 * Opens and closes the channels of one machine. The Worker has authenticated the caller and says in headers of its own
 * who it is; nobody else can reach the object.
 */

import { CLOSE_CODES, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';
import type { Deps } from '../deps.ts';
import { lookForChannel, recordListening } from '../services/listening.ts';
import type { MachineOf } from '../services/live-leases.ts';
import type { Channel } from './channels.ts';
import { channelOf, listeningChannel, openChannel, tellSocket } from './channels.ts';

/** Header in which the Worker says who connects: JSON of a `Channel`. */
export const CHANNEL_HEADER = 'x-orp-channel';

/** What a refused upgrade carries: the name of the refusal. */
export const REFUSED_HEADER = 'x-orp-refused';

/**
 * Accepts a channel. The look at the queue comes after the accept: a job queued before it is found, one queued after it
 * wakes the socket. There is no gap.
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
  const channel = JSON.parse(request.headers.get(CHANNEL_HEADER) ?? 'null') as Channel | null;
  if (channel === null || request.headers.get('upgrade') !== 'websocket')
    return new Response(null, { status: 400 });
  if (channel.role === 'watcher') return openChannel(state, channel).response;

  const { response, socket } = openChannel(state, channel);
  const found = await lookForChannel(deps, machine);
  if (found === 'unknown_machine' || found === 'foreign_machine') {
    socket.close(CLOSE_CODES.unauthorized, found);
    return new Response(null, { status: 409, headers: { [REFUSED_HEADER]: found } });
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
