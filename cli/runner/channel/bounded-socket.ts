/**
 * A WebSocket that closes if a message is larger than an event may be. Node accepts messages of 128 MiB and has no option
 * for a smaller limit, but it uses a limit that the dispatcher sets. An older Node ignores that limit, so there the code
 * checks the size after the message has arrived.
 */

import { MAX_EVENT_BYTES } from '../../../spec/transport/events.ts';

interface Dispatcher {
  dispatch(options: unknown, handler: unknown): boolean;
}

/** The symbols under which undici (Node's `fetch` and `WebSocket`) stores the shared dispatcher, newest first. */
const SHARED = ['undici.globalDispatcher.2', 'undici.globalDispatcher.1'].map((name) => Symbol.for(name));
/** More fragments than any server sends for one event. */
const MAX_FRAGMENTS = 64;

/** Opens a socket. A message above the limit causes an `error` event, and the other side gets the close code 1009. */
export function openBoundedSocket(url: string, headers: Readonly<Record<string, string>>): WebSocket {
  // Node's WebSocket accepts these options as its second argument; the types describe a browser's WebSocket.
  return new WebSocket(url, { headers: { ...headers }, ...boundedDispatcher() } as WebSocketInit);
}

/** The shared dispatcher (with its proxy), plus the limit. Node creates the dispatcher with the first request or socket. */
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
