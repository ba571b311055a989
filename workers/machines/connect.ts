/** Opens a channel to a machine's object, for a caller that the Worker has authenticated. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { limitReached, limitsOf } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import { foreignMachine } from './sync.ts';

/** What the object answers when it opens a channel. With a WebSocket, `response.webSocket` is the end for the caller. */
export interface Connection {
  response: Response;
}

export interface RunnerChannel {
  machineId: string;
  transport: 'ws' | 'sse';
  /** Absent if the client sends no instance. */
  instance?: string | undefined;
  /** The address and the program of the client, for calls over the channel. */
  address: string;
  agent: string;
}

/** Headers between the Worker and the object; see objects/accept-channel.ts. */
const CHANNEL_HEADER = 'x-orp-channel';
const REFUSED_HEADER = 'x-orp-refused';

export async function connectRunner(
  deps: Deps,
  user: SignedIn,
  { machineId, transport, instance, address, agent }: RunnerChannel,
): Promise<Result<Connection, 'not_found' | 'foreign_machine' | 'unauthenticated'>> {
  const { tokenHash } = user;
  const channel = { role: 'runner', transport, instance: instance ?? 'unnamed', tokenHash, address, agent };
  const response = await connect(deps, { userId: user.id, machineId }, channel);
  switch (response.headers.get(REFUSED_HEADER)) {
    case null:
      return accept({ response });
    case 'foreign_machine':
      return foreignMachine(machineId);
    case 'unauthenticated':
      return refuse('unauthenticated', 'The token was revoked.', 'Run orp auth login.');
    default:
      return refuse('not_found', `Machine ${machineId} has never synced.`, 'Run orp runner sync.');
  }
}

/** Opens a channel that reports the changes of a job to a follower. */
export async function connectWatcher(
  deps: Deps,
  machine: { userId: string; machineId: string },
  { jobId, user }: { jobId: string; user: SignedIn },
): Promise<Result<WebSocket, 'unauthenticated' | 'limit_reached'>> {
  // A sign-out notifies only the machines of its own account.
  const tokenHash = isOwn(machine, user) ? user.tokenHash : undefined;
  const response = await connect(deps, machine, { role: 'watcher', jobId, tokenHash });
  switch (response.headers.get(REFUSED_HEADER)) {
    case null:
      if (response.webSocket === null) throw new Error('the object accepted a watcher without a socket');
      return accept(response.webSocket);
    case 'limit_reached': {
      const { userId } = machine;
      return limitReached(deps, { userId, limit: 'followStreams', limits: await limitsOf(deps, userId) });
    }
    default:
      return refuse('unauthenticated', 'The token was revoked.', 'Run orp auth login.');
  }
}

/** Returns whether a sign-out reaches the channels of this person at a machine. */
export function isOwn({ userId }: { userId: string }, user: SignedIn): boolean {
  return userId === user.id;
}

function connect(
  deps: Deps,
  machine: { userId: string; machineId: string },
  channel: object,
): Promise<Response> {
  const request = new Request('https://machine.invalid/channel', {
    headers: { upgrade: 'websocket', [CHANNEL_HEADER]: JSON.stringify(channel) },
  });
  return deps.machines.connect(machine, request);
}
