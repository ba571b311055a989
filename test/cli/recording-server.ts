/** A loopback HTTP server that says what a test tells it to, and remembers what it was asked. */

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  path: string;
  query: string;
  headers: IncomingHttpHeaders;
  /** The JSON body; undefined when there was none. */
  body: unknown;
}

/** What to answer. An object is sent as JSON, text as it is; `hangUp` closes the connection without a word. */
export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  hangUp?: boolean;
}

export type Script = (asked: Asked) => Answer | Promise<Answer>;

export class RecordingServer {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  #script: Script;

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((request, response) => {
      void readRequest(request).then(async (asked) => {
        this.asked.push(asked);
        const { status = 200, body, headers, hangUp } = await this.#script(asked);
        if (hangUp) return response.destroy();
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
      });
    });
  }

  static async start(script: Script = () => ({ body: { ok: true } })): Promise<RecordingServer> {
    const server = new RecordingServer(script);
    await new Promise<void>((listening) => server.#server.listen(0, '127.0.0.1', listening));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  answer(script: Script): void {
    this.#script = script;
  }

  /** The only request there was. */
  get only(): Asked {
    const [first, ...others] = this.asked;
    if (first === undefined || others.length > 0) throw new Error(`${this.asked.length} requests, not one`);
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

async function readRequest(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  const [path = '', query = ''] = (request.url ?? '').split('?');
  return {
    method: request.method ?? '',
    path,
    query,
    headers: request.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}
