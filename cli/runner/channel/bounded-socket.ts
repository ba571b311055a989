/** Opens the WebSocket of a channel, over which no message may be larger than an event. */

import http from 'node:http';
import https from 'node:https';
import { WebSocket } from 'ws';
import { MAX_EVENT_BYTES } from '../../../spec/transport/events.ts';

/** Opens a socket. A message above the limit causes an `error` event, and the other side gets the close code 1009. */
export function openBoundedSocket(url: string, headers: Readonly<Record<string, string>>): WebSocket {
  return new WebSocket(url, {
    headers,
    maxPayload: MAX_EVENT_BYTES,
    perMessageDeflate: false,
    // The agents of Node use the proxy of the environment.
    agent: url.startsWith('wss:') ? https.globalAgent : http.globalAgent,
  });
}
