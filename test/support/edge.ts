/**
 * Enforces the limits of Cloudflare's edge in front of the local runtime. The real edge refuses some requests before the
 * Worker sees them (URLs above 16 KB, headers above 128 KB, bodies above 100 MB) and answers with a page. The local runtime
 * has no such limits, so without this file a client could pass every test and fail in production.
 */

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** The limits of the platform. */
export const EDGE_LIMITS = {
  urlBytes: 16 * 1024,
  headerBytes: 128 * 1024,
  bodyBytes: 100 * 1024 * 1024,
} as const;

type Limits = Record<keyof typeof EDGE_LIMITS, number>;

export interface Edge {
  /** Origin without a trailing slash. */
  url: string;
  /** The refused requests, in order: `414 POST /api/…`. */
  refusals: readonly string[];
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

interface Refusal {
  status: 413 | 414 | 431;
  title: string;
}

/** @param target origin of the runtime @param port 0 picks a free one */
export async function startEdge(target: string, port = 0, limits: Limits = EDGE_LIMITS): Promise<Edge> {
  const { hostname, port: targetPort } = new URL(target);
  const to = { host: hostname, port: Number(targetPort) };
  const refusals: string[] = [];
  const tunnels = new Set<Duplex>();
  const note = (request: IncomingMessage, { status }: Refusal) =>
    refusals.push(`${status} ${request.method} ${request.url?.slice(0, 80)}`);

  // By default, Node itself would refuse headers above 16 KB.
  const server = createServer({ maxHeaderSize: 4 * limits.headerBytes }, (request, response) => {
    const refusal = judge(request, limits);
    if (refusal === undefined) return forward({ request, response }, { to, limits, note });
    note(request, refusal);
    refuse(response, refusal);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = judge(request, limits);
    if (refusal === undefined) return tunnel({ request, socket, head }, to, tunnels);
    note(request, refusal);
    socket.end(`HTTP/1.1 ${refusal.status} ${refusal.title}\r\nConnection: close\r\n\r\n`);
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refusals,
    close: () => end(server, tunnels),
  };
}

function judge({ url = '', rawHeaders }: IncomingMessage, limits: Limits): Refusal | undefined {
  if (Buffer.byteLength(url) > limits.urlBytes) return { status: 414, title: 'Request-URI Too Large' };
  // Each name and each value is followed by two bytes: a colon and a space, or the line end.
  const headerBytes = rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text, 'latin1') + 2, 0);
  if (headerBytes > limits.headerBytes) return { status: 431, title: 'Request Header Fields Too Large' };
  return undefined;
}

/** Refuses like the edge, with a page for people. */
function refuse(response: ServerResponse, { status, title }: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/html', connection: 'close' });
  response.end(`<html><head><title>${status} ${title}</title></head><body>cloudflare</body></html>\n`);
}

interface Way {
  to: { host: string; port: number };
  limits: Limits;
  note(request: IncomingMessage, refusal: Refusal): void;
}

/** Forwards data in both directions. When one side closes, closes the other side. */
function forward(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { to, limits, note }: Way,
): void {
  const { method, url, rawHeaders } = request;
  const upstream = send({ ...to, method, path: url, headers: rawHeaders, setDefaultHeaders: false });
  let bodyBytes = 0;
  request.on('data', (chunk: Buffer) => {
    bodyBytes += chunk.byteLength;
    if (bodyBytes <= limits.bodyBytes || response.headersSent) return;
    const refusal = { status: 413, title: 'Payload Too Large' } as const;
    note(request, refusal);
    request.unpipe(upstream);
    upstream.destroy();
    refuse(response, refusal);
  });
  request.pipe(upstream);
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  // If the runtime is down, clients see a closed connection.
  upstream.on('error', () => {
    if (!response.writableEnded) response.destroy();
  });
  response.on('close', () => upstream.destroy());
}

function tunnel(
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
  to: Way['to'],
  open: Set<Duplex>,
): void {
  const { method, url, rawHeaders } = request;
  const upstream: Socket = connect(to, () => {
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  for (const [one, other] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    open.add(one);
    one.on('error', () => other.destroy());
    one.on('close', () => {
      open.delete(one);
      other.destroy();
    });
  }
}

async function end(server: Server, tunnels: ReadonlySet<Duplex>): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  for (const socket of tunnels) socket.destroy();
  server.closeAllConnections();
  await closed;
}
