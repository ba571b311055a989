/**
 * Carries small calls over the open WebSocket, where a frame costs a twentieth of a request. If there is no channel, or if it
 * ends before the answer, the caller sends the same call as a request. The server may then get it twice, in any order, which
 * is harmless for the rows that a channel carries.
 */

import { type ChannelReply, channelReply, channelRowOf } from '../../../spec/contract/events.ts';
import type { Carry } from '../../client/client.ts';
import type { Received } from '../../client/judge.ts';

/** A channel that takes calls. */
export interface CallLine {
  /** The server and the token of the channel. A call of another sign-in does not use it. */
  baseUrl: string;
  token: string;
  maxBytes: number;
  /** Sends a frame. Returns false if the connection is not writable. */
  send(frame: string): boolean;
}

/** The timeout of a call. The server needs less time for every answer, so a channel that exceeds the timeout is not used again. */
const ANSWER_MS = 10_000;

type Waiting = Map<number, (received: Received | undefined) => void>;

export class ChannelCarrier {
  #open: { line: CallLine; waiting: Waiting } | undefined;
  #calls = 0;

  /** Use this channel from now on. Returns a function to call when it has ended. */
  use(line: CallLine): () => void {
    const open = { line, waiting: new Map() };
    this.#drop();
    this.#open = open;
    return () => {
      if (this.#open === open) this.#drop();
    };
  }

  /** Handles a frame of the server. Returns false if it is not a reply. */
  hear(frame: string): boolean {
    if (!frame.startsWith('{"reply"')) return false;
    const reply = readReply(frame);
    if (reply !== undefined) this.#open?.waiting.get(reply.reply)?.(receivedOf(reply));
    return true;
  }

  /** Sends a call. Settles with undefined if the call must be sent as a request. Never rejects. */
  readonly carry: Carry = async ({ row, params, body = '{}', baseUrl, token, signal }) => {
    const open = this.#open;
    const name = channelRowOf(row);
    if (open === undefined || name === undefined) return undefined;
    const { line, waiting } = open;
    if (line.baseUrl !== baseUrl || line.token !== token) return undefined;
    this.#calls += 1;
    const call = this.#calls;
    const frame = `{"call":${call},"name":"${name}","params":${JSON.stringify(params)},"body":${body}}`;
    if (Buffer.byteLength(frame) > line.maxBytes || signal?.aborted) return undefined;
    const answer = Promise.withResolvers<Received | undefined>();
    waiting.set(call, answer.resolve);
    const onAbort = () => answer.resolve(undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => {
      if (this.#open === open) this.#drop();
    }, ANSWER_MS);
    try {
      return line.send(frame) ? await answer.promise : undefined;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      waiting.delete(call);
    }
  };

  #drop(): void {
    const waiting = this.#open?.waiting ?? new Map();
    this.#open = undefined;
    for (const resolve of waiting.values()) resolve(undefined);
  }
}

function readReply(frame: string): ChannelReply | undefined {
  try {
    return channelReply.safeParse(JSON.parse(frame)).data;
  } catch {
    // The frame is torn, so its call gets no answer.
    return undefined;
  }
}

function receivedOf({ status, headers, text }: ChannelReply): Received {
  return { status, text, headers: new Headers(headers) };
}
