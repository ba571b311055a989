/**
 * Answers the calls that a runner sends over its WebSocket. The object converts each call to the equivalent request and passes it to the
 * same application as every other request: the same token check, the same budget, the same handlers.
 */

import { utf8Length } from '../../../spec/bounds.ts';
import { CAPABILITIES_HEADER, VERSIONS_HEADER } from '../../../spec/capabilities.ts';
import {
  CHANNEL_ROWS,
  type ChannelCall,
  type ChannelReply,
  channelCall,
  MAX_CALL_BYTES,
  MAX_OPEN_CALLS,
} from '../../../spec/contract/events.ts';
import { vouchFor } from '../../accounts/authenticate.ts';
import type { MachineApi, MachineOf } from '../../base/machine-api.ts';
import { machineName } from '../../store/machine-objects.ts';
import { channelOf, closeRevoked, closeTalkative, type RunnerChannel } from './channels.ts';

/** The application: the `fetch` of the Worker. */
export type Application = (request: Request, env: Env, context: ExecutionContext) => Promise<Response>;

interface Parts {
  state: DurableObjectState;
  machine: MachineOf;
  env: Env;
  /** The object itself. A call about its own machine does not leave it. */
  self: MachineApi;
}

/** A channel that may send calls. A channel that an older version of the server opened has no hash. */
type Caller = RunnerChannel & { caller: NonNullable<RunnerChannel['caller']> };

const ORIGIN = 'https://machine.invalid';
/** The headers of an answer that the runner reads. */
const FORWARDED = [CAPABILITIES_HEADER, VERSIONS_HEADER, 'retry-after'];
const SOURCE_HEADER = 'x-orp-source';

export class ChannelCalls {
  readonly #parts: Parts;
  readonly #openCalls = new Map<WebSocket, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Handles one frame. Closes a channel that sends anything but calls, because each frame wakes the object. */
  async hear(socket: WebSocket, message: string | ArrayBuffer, application: Application): Promise<void> {
    const caller = callerOf(socket);
    const call = caller && readCall(message);
    const open = this.#openCalls.get(socket) ?? 0;
    if (caller === undefined || call === undefined || open >= MAX_OPEN_CALLS) return closeTalkative(socket);
    this.#openCalls.set(socket, open + 1);
    try {
      const response = await application(requestOf(call, caller), this.#env(), this.#context());
      reply(socket, await replyTo(call, response));
      if (response.status === 401) closeRevoked(socket);
    } finally {
      const left = (this.#openCalls.get(socket) ?? 1) - 1;
      if (left > 0) this.#openCalls.set(socket, left);
      else this.#openCalls.delete(socket);
    }
  }

  /** The bindings of the Worker, except that the own machine is reached without a call. */
  #env(): Env {
    const { env, machine, self } = this.#parts;
    const own = machineName(machine);
    const getByName = (name: string, options?: DurableObjectNamespaceGetDurableObjectOptions) =>
      name === own ? self : env.RUNNER_MACHINE.getByName(name, options);
    return {
      ...env,
      RUNNER_MACHINE: { getByName } as unknown as Env['RUNNER_MACHINE'],
      CLIENT_ADDRESS_HEADER: SOURCE_HEADER as Env['CLIENT_ADDRESS_HEADER'],
    };
  }

  #context(): ExecutionContext {
    const { state } = this.#parts;
    const context = {
      waitUntil: (work: Promise<unknown>) => state.waitUntil(work),
      passThroughOnException: () => undefined,
      props: {},
    };
    return context as unknown as ExecutionContext;
  }
}

function callerOf(socket: WebSocket): Caller | undefined {
  const channel = channelOf(socket);
  if (channel?.role !== 'runner' || channel.transport !== 'ws' || !channel.isAdmitted) return undefined;
  if (channel.caller === undefined) return undefined;
  return { ...channel, caller: channel.caller };
}

function readCall(message: string | ArrayBuffer): ChannelCall | undefined {
  if (typeof message !== 'string' || utf8Length(message) > MAX_CALL_BYTES) return undefined;
  try {
    return channelCall.safeParse(JSON.parse(message)).data;
  } catch {
    // The frame is not JSON, so it is not a call.
    return undefined;
  }
}

function requestOf({ name, params, body }: ChannelCall, { caller }: Caller): Request {
  const row = CHANNEL_ROWS[name];
  const path = row.path.replace(/:(\w+)/g, (_, param: string) => encodeURIComponent(params[param] ?? ''));
  const text = JSON.stringify(body ?? null);
  const request = new Request(`${ORIGIN}${path}`, {
    method: row.method,
    headers: {
      'content-type': 'application/json',
      'content-length': String(utf8Length(text)),
      'user-agent': caller.agent,
      [SOURCE_HEADER]: caller.address,
    },
    body: text,
  });
  return vouchFor(request, caller.tokenHash);
}

async function replyTo({ call }: ChannelCall, response: Response): Promise<ChannelReply> {
  const headers = FORWARDED.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return {
    reply: call,
    status: response.status,
    headers: Object.fromEntries(headers),
    text: await response.text(),
  };
}

function reply(socket: WebSocket, answer: ChannelReply): void {
  try {
    socket.send(JSON.stringify(answer));
  } catch {
    // The runner is gone. It sends the call again as a request.
  }
}
