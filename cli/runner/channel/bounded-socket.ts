/**
 * A WebSocket that closes before it buffers more than one event may have. Node accepts messages of 128 MiB and has no
 * option for less, but its socket asks the dispatcher that opens it. An older Node does not ask; there, a message
 * that is too large is noticed when it has arrived.
 */

import { MAX_EVENT_BYTES } from '../../../spec/transport/events.ts';

interface Dispatcher {
  dispatch(options: unknown, handler: unknown): boolean;
}

/** Where undici, which is Node's `fetch` and `WebSocket`, keeps the dispatcher that they share; the newest name first. */
const SHARED = ['undici.globalDispatcher.2', 'undici.globalDispatcher.1'].map((name) => Symbol.for(name));
/** No server sends an event in so many pieces. */
const MAX_FRAGMENTS = 64;

/** Opens a socket. Above the bound it ends with an `error`, and the other side gets the close code 1009. */
export function openBoundedSocket(url: string, headers: Readonly<Record<string, string>>): WebSocket {
  // Node's WebSocket takes these as a second argument; a browser's does not, and this is not one.
  return new WebSocket(url, { headers: { ...headers }, ...boundedDispatcher() } as WebSocketInit);
}

/** The shared dispatcher, proxy and all, under a bound. Node makes it when its first socket or request is asked for. */
function boundedDispatcher(): { dispatcher?: unknown } {
  void WebSocket;
  const shared = SHARED.map((name) => Reflect.get(globalThis, name) as Dispatcher | undefined).find(Boolean);
  if (shared === undefined) return {};
  return {
    dispatcher: {
      dispatch: (options: unknown, handler: unknown) => shared.dispatch(options, handler),
      webSocketOptions: { maxPayloadSize: MAX_EVENT_BYTES, maxFragments: MAX_FRAGMENTS },
    },
  };
}
