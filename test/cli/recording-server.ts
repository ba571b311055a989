/** A loopback HTTP server that says what a test tells it to, and remembers what it was asked. */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CAPABILITIES,
  CAPABILITIES_HEADER,
  type Capability,
  formatCapabilities,
} from '../../spec/capabilities.ts';

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

const ME = { ok: true, user: { id: 'usr_1', email: 'mira@example.test', name: 'Mira' } };

export type Script = (asked: Asked) => Answer | Promise<Answer>;

export class RecordingServer {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  /** Sent with every answer. */
  #headers: Record<string, string>;
  #script: Script;

  private constructor(script: Script) {
    this.#script = script;
    this.#headers = { 'content-type': 'application/json' };
    this.#server = createServer((request, response) => {
      void readRequest(request).then(async (asked) => {
        if (this.#isIntroduction(asked)) return this.#send(response, { body: ME });
        this.asked.push(asked);
        const answer = await this.#script(asked);
        if (answer.hangUp) return response.destroy();
        this.#send(response, answer);
      });
    });
  }

  /** A client that has not heard this server yet asks who it is; that is no part of what a test is about. */
  #isIntroduction({ path }: Asked): boolean {
    return CAPABILITIES_HEADER in this.#headers && path === '/api/cli/me';
  }

  #send(response: ServerResponse, { status = 200, body, headers }: Answer): void {
    response.writeHead(status, { ...this.#headers, ...headers });
    response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
  }

  /** A server that announces nothing, like one of v0.4.4. */
  static start(script: Script = () => ({ body: { ok: true } })): Promise<RecordingServer> {
    return RecordingServer.#listen(script);
  }

  /** A server that announces every extension. */
  static async startNewest(script: Script = () => ({ body: { ok: true } })): Promise<RecordingServer> {
    const server = await RecordingServer.#listen(script);
    server.announce();
    return server;
  }

  static async #listen(script: Script): Promise<RecordingServer> {
    const server = new RecordingServer(script);
    await new Promise<void>((listening) => server.#server.listen(0, '127.0.0.1', listening));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on it announces every extension, or those that are left without some. */
  announce({ without = [] }: { without?: readonly Capability[] } = {}): void {
    const offered = CAPABILITIES.filter((name) => !without.includes(name));
    this.#headers = { ...this.#headers, [CAPABILITIES_HEADER]: formatCapabilities(offered) };
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
