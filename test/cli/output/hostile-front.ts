/** Stands before a `FakeService`, poisons every answer of it, and says hostile things on the channels of a runner. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { CAPABILITIES_HEADER } from '../../../spec/capabilities.ts';
import { type EventName, sseFrame } from '../../../spec/transport/events.ts';
import type { FakeService } from '../runner/fake-hosted.ts';
import { EVIL, poison } from './hostile.ts';

/** One thing that is said on a channel; `close` ends a WebSocket with a code and a poisoned reason. */
export type Word = { event: EventName; data?: Record<string, unknown> } | { close: number };

export class HostileFront {
  /** Fields that are left as they are. */
  spared: readonly string[] = [];
  /** What each channel says, when it is opened. */
  words: readonly Word[] = [{ event: 'ready' }];
  /** Refuses every write about a job with this code. */
  refuses: string | undefined;
  /** Channels that have said everything. */
  said = 0;
  readonly #service: FakeService;
  readonly #server: Server;

  private constructor(service: FakeService) {
    this.#service = service;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    const sockets = new WebSocketServer({ server: this.#server });
    sockets.on('connection', (socket) => this.#talk(socket));
  }

  static async start(service: FakeService): Promise<HostileFront> {
    const front = new HostileFront(service);
    await new Promise<void>((listening) => front.#server.listen(0, '127.0.0.1', listening));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #talk(socket: WebSocket): void {
    for (const word of this.words) {
      if ('close' in word) socket.close(word.close, `no${EVIL}`);
      else socket.send(JSON.stringify(poisoned(word)));
    }
    this.said += 1;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/api/cli/runner/events/stream')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`: ${EVIL}\n\n`);
      for (const word of this.words) if ('event' in word) response.write(sseFrame(poisoned(word)));
      this.said += 1;
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const answer = await fetch(`${this.#service.baseUrl}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const isRefused = this.refuses !== undefined && /\/jobs\/[^/]+\/\w+$/.test(request.url ?? '');
    const body = isRefused
      ? { error: 'No.', hint: 'Do not.', code: this.refuses, requestId: 'req_1' }
      : await answer.json();
    response.writeHead(isRefused ? 409 : answer.status, {
      'content-type': 'application/json',
      [CAPABILITIES_HEADER]: answer.headers.get(CAPABILITIES_HEADER) ?? '',
    });
    response.end(JSON.stringify(poison(body, this.spared)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** The code of an error stays: without it nothing is understood. */
function poisoned({ event, data = {} }: Extract<Word, { event: EventName }>) {
  return { event, data: poison(data, ['code']) as Record<string, unknown> };
}
