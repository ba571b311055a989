/** A WebSocket server on a unix socket in a temporary folder, in the place of the Codex app-server. */

import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { makeTemporaryFolder } from '../../../../scripts/local/temporary-folder.ts';

export interface Received {
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: unknown;
}

export interface SocketServer {
  path: string;
  /** Everything that the client sent. */
  received: Received[];
  /** Sends a text or bytes to every client. */
  send(frame: unknown): void;
  /** Ends the connections without a closing handshake. */
  cut(): void;
  close(): void;
}

/** @param onMessage what the server does with a message; the socket is the one that it came from */
export async function startSocketServer(
  onMessage: (message: Received, reply: (frame: unknown) => void) => void = () => undefined,
  fileName = 'app server: 1.sock',
): Promise<SocketServer> {
  const folder = makeTemporaryFolder('orp-rpc-');
  const path = join(folder, fileName);
  const http = createServer();
  const sockets = new Set<WebSocket>();
  const received: Received[] = [];
  const encode = (frame: unknown) =>
    typeof frame === 'string' || frame instanceof Uint8Array ? frame : JSON.stringify(frame);
  new WebSocketServer({ server: http }).on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Received;
      received.push(message);
      onMessage(message, (frame) => socket.send(encode(frame)));
    });
  });
  await new Promise<void>((resolve) => http.listen(path, resolve));
  const cut = () => {
    for (const socket of sockets) socket.terminate();
  };
  return {
    path,
    received,
    send: (frame) => {
      for (const socket of sockets) socket.send(encode(frame));
    },
    cut,
    close: () => {
      cut();
      http.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
