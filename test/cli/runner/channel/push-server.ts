/** A loopback service that offers both push transports, each of which a test can take away. */

import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket as Socket } from 'ws';
import { WebSocketServer } from 'ws';
import { CAPABILITIES, CAPABILITIES_HEADER, formatCapabilities } from '../../../../spec/capabilities.ts';
import type { ChannelEvent } from '../../../../spec/transport/events.ts';
import { sseFrame } from '../../../../spec/transport/events.ts';

export interface PushServer {
  baseUrl: string;
  /** Status that a route refuses with, in the server's form; undefined: it works. `machine`: to be shown the machine. */
  refuse: { ws?: number | undefined; sse?: number | undefined; machine?: number | undefined };
  /** Takes connections and never answers, as a proxy does that swallows what it does not understand. */
  swallows: boolean;
  /** Answers no ping any more: a half-open connection, whose other end is gone without a word. */
  isMute: boolean;
  /** How often each transport was asked for. */
  asked: { ws: number; sse: number };
  /** Sends an event on every open channel. */
  tell(event: ChannelEvent): void;
  /** Sends bytes on every open channel, whatever they are. */
  tellBytes(bytes: Uint8Array): void;
  /** Settles with the code with which the next WebSocket is closed. */
  nextClose(): Promise<number>;
  /** Closes every WebSocket with a code and a reason. */
  hangUp(code: number, reason: string): void;
  /** Cuts every open channel without a word. */
  cut(): void;
  openChannels(): { ws: number; sse: number };
  /** Settles when the next channel has opened. */
  nextOpen(): Promise<'ws' | 'sse'>;
  close(): Promise<void>;
}

const READY: ChannelEvent = { event: 'ready', data: { ok: true } };

const ME = { ok: true, user: { id: 'usr_1', email: 'mira@example.test', name: 'Mira' } };

const CODES: Record<number, string> = { 401: 'unauthenticated', 403: 'foreign_machine', 404: 'not_found' };

function refuseWith(response: ServerResponse, status: number): void {
  const body = { error: `Refused with ${status}.`, code: CODES[status], requestId: 'req_1' };
  response.writeHead(status).end(JSON.stringify(body));
}

export async function startPushServer(): Promise<PushServer> {
  const sockets = new Set<Socket>();
  const wires = new Set<Duplex>();
  const closed: ((code: number) => void)[] = [];
  const streams = new Set<ServerResponse>();
  const held = new Set<ServerResponse | Duplex>();
  const opened: ((transport: 'ws' | 'sse') => void)[] = [];
  const refuse: PushServer['refuse'] = {};
  const asked = { ws: 0, sse: 0 };
  const announce = (transport: 'ws' | 'sse') => {
    for (const tell of opened.splice(0)) tell(transport);
  };

  const http = createServer((request, response) => {
    response.setHeader(CAPABILITIES_HEADER, formatCapabilities(CAPABILITIES));
    if (request.url === '/api/cli/me') return void response.end(JSON.stringify(ME));
    if (request.method === 'POST') return void response.end('{"ok":true,"job":null}');
    if (request.url?.startsWith('/api/cli/runner/machines/')) {
      if (refuse.machine === undefined) return void response.end('{"ok":true,"machine":{}}');
      return refuseWith(response, refuse.machine);
    }
    asked.sse += 1;
    if (server.swallows) return void held.add(response);
    if (refuse.sse !== undefined) return refuseWith(response, refuse.sse);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(sseFrame(READY));
    streams.add(response);
    response.on('close', () => streams.delete(response));
    announce('sse');
  });
  const upgrades = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket: Duplex, head) => {
    asked.ws += 1;
    if (server.swallows) return void held.add(socket);
    if (refuse.ws !== undefined)
      return void socket.end(`HTTP/1.1 ${refuse.ws} No\r\nContent-Length: 0\r\n\r\n`);
    upgrades.handleUpgrade(request, socket, head, (peer) => {
      sockets.add(peer);
      wires.add(socket);
      peer.on('close', (code) => {
        sockets.delete(peer);
        wires.delete(socket);
        for (const tell of closed.splice(0)) tell(code);
      });
      peer.on('message', (text) => String(text) === 'ping' && !server.isMute && peer.send('pong'));
      peer.send(JSON.stringify(READY));
      announce('ws');
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

  const cut = () => {
    for (const peer of sockets) peer.terminate();
    for (const stream of [...streams, ...held]) stream.destroy();
  };

  const server: PushServer = {
    baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    refuse,
    swallows: false,
    isMute: false,
    asked,
    tell(event) {
      for (const peer of sockets) peer.send(JSON.stringify(event));
      for (const stream of streams) stream.write(sseFrame(event));
    },
    tellBytes(bytes) {
      for (const wire of [...wires, ...streams]) wire.write(bytes);
    },
    nextClose: () => new Promise((resolve) => closed.push(resolve)),
    hangUp(code, reason) {
      for (const peer of sockets) peer.close(code, reason);
    },
    cut,
    openChannels: () => ({ ws: sockets.size, sse: streams.size }),
    nextOpen: () => new Promise((resolve) => opened.push(resolve)),
    async close() {
      cut();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
