/** A WebSocket over a unix socket, which Node's own `WebSocket` cannot open. */

import { createConnection } from 'node:net';
import { WebSocket } from 'ws';

/**
 * The largest frame that is read. One frame can hold the history of a long session or the diff of a whole turn; the
 * largest seen are a few MiB. Above the bound the socket ends, before the frame fills the memory of the runner.
 */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;

export function openUnixSocket(path: string): WebSocket {
  // A `ws+unix:` URL would escape a space in the path and end the path at a colon; a connection of our own takes any path.
  const connect = (() => createConnection(path)) as typeof createConnection;
  return new WebSocket('ws://localhost/', {
    createConnection: connect,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
}
