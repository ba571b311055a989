/**
 * A v0.4.4 server. It ignores all query parameters and body fields that v0.4.4 does not know, announces no capabilities, and
 * has no WebSocket and no job routes. Its refusals contain only a sentence.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Fields = Record<string, unknown>;

export interface FirstJob {
  id: string;
  status: 'queued' | 'dispatched' | 'running' | 'completed' | 'failed' | 'cancelled';
  leaseId: string;
  prompt: string;
  claims: number;
  starts: number;
  lines: { level: string; line: string }[];
  messages: Fields[];
  completions: Fields[];
}

export interface FirstRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Fields;
}

type Reply = [status: number, body: Fields];

const ME = { ok: true, user: { id: 'usr_501', email: 'mira@example.test', name: 'Mira' } };
const UNKNOWN: Reply = [404, { error: 'Not found' }];
const STALE: Reply = [409, { error: 'This lease does not hold the job' }];

export class FirstServer {
  readonly jobs = new Map<string, FirstJob>();
  readonly requests: FirstRequest[] = [];
  /** A review that the compatibility poll hands out once. */
  review: Fields | undefined;
  readonly reviewAnswers: Fields[] = [];
  /** The last words of the paths that the server refuses, in the form of v0.4.4. */
  readonly refused = new Set<string>();
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FirstServer> {
    const server = new FirstServer();
    await new Promise<void>((listening) => server.#server.listen(0, '127.0.0.1', listening));
    return server;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The requested routes, as `GET /path`, each once, in the order of the first request. */
  get routes(): string[] {
    return [...new Set(this.requests.map(({ method, path }) => `${method} ${path}`))];
  }

  /** Queues a job, and ends the streams that wait for one. */
  addJob(id: string, prompt: string): FirstJob {
    const job: FirstJob = {
      id,
      prompt,
      status: 'queued',
      leaseId: '',
      claims: 0,
      starts: 0,
      lines: [],
      messages: [],
      completions: [],
    };
    this.jobs.set(id, job);
    for (const stream of this.#streams) endStream(stream, 'job.available', AVAILABLE);
    this.#streams.clear();
    return job;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString();
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://first');
    const asked = { method: request.method ?? '', path, query, body: text === '' ? {} : JSON.parse(text) };
    this.requests.push(asked);
    if (path === '/api/cli/runner/events/stream') return this.#stream(query, response);
    const [status, body] = this.#answer(asked);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  }

  #answer({ method, path, body }: FirstRequest): Reply {
    switch (`${method} ${path}`) {
      case 'GET /api/cli/me':
        return [200, ME];
      case 'POST /api/cli/runner/sync':
        return [200, { ok: true, syncedProjects: 1, syncedSessions: 1 }];
      case 'POST /api/cli/runner/heartbeat':
        return [200, { ok: true }];
      case 'GET /api/cli/runner/jobs/poll':
        return this.#poll();
      case 'GET /api/cli/agent/jobs/poll':
        return this.#pollReview();
      default:
        return this.#answerRecord({ method, path, body });
    }
  }

  #answerRecord({ method, path, body }: Omit<FirstRequest, 'query'>): Reply {
    if (method !== 'POST') return UNKNOWN;
    const [, ideaId] = /^\/api\/cli\/ideas\/([^/]+)\/checkpoints$/.exec(path) ?? [];
    if (ideaId !== undefined)
      return [201, { ok: true, id: 'chk_31', status: 'queued', worldId: 'wor_3', ideaId }];
    if (/^\/api\/cli\/checkpoints\/[^/]+\/respond$/.test(path)) {
      this.reviewAnswers.push(body);
      return [200, { ok: true, id: 'rsp_12' }];
    }
    const [, jobId, verb] = /^\/api\/cli\/runner\/jobs\/([^/]+)\/([a-z]+)$/.exec(path) ?? [];
    const job = this.jobs.get(jobId ?? '');
    return job === undefined ? UNKNOWN : this.#act(job, verb ?? '', body);
  }

  #poll(): Reply {
    const job = [...this.jobs.values()].find(({ status }) => status === 'queued');
    if (job === undefined) return [200, { job: null }];
    job.claims += 1;
    job.status = 'dispatched';
    job.leaseId = `lea_${job.id}_${job.claims}`;
    const payload = { prompt: job.prompt, ideaId: 'ide_1', orpSessionId: 'orp-main' };
    const wire = { id: job.id, kind: 'session.prompt', ideaId: 'ide_1', payload };
    return [200, { ok: true, leaseId: job.leaseId, leaseExpiresAt: '2099-01-01T00:00:00Z', job: wire }];
  }

  #pollReview(): Reply {
    const { review } = this;
    this.review = undefined;
    return review === undefined ? [204, {}] : [200, { job: review }];
  }

  #act(job: FirstJob, verb: string, body: Fields): Reply {
    const shown = () => ({ ok: true, job: { id: job.id, status: job.status } });
    if (typeof body.machineId !== 'string') return [400, { error: 'machineId is required' }];
    if (verb === 'cancel' || verb === 'retry') {
      job.status = verb === 'cancel' ? 'cancelled' : 'queued';
      return [200, shown()];
    }
    if (body.leaseId !== job.leaseId || this.refused.has(verb)) return STALE;
    switch (verb) {
      case 'start':
        job.starts += 1;
        job.status = 'running';
        return [200, shown()];
      case 'messages':
        job.messages.push(body);
        return [200, { ok: true }];
      case 'logs':
        if (!Array.isArray(body.lines)) return [400, { error: 'lines is required' }];
        job.lines.push(...body.lines);
        return [200, { ok: true, accepted: body.lines.length }];
      case 'complete':
        if (job.completions.length === 0) job.completions.push(body);
        job.status = body.success === true ? 'completed' : 'failed';
        return [200, shown()];
      default:
        return UNKNOWN;
    }
  }

  /** Serves a stream, which ends after its first event. */
  #stream(query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: ready\ndata: {"ok":true}\n\n');
    if ([...this.jobs.values()].some(({ status }) => status === 'queued')) {
      endStream(response, 'job.available', AVAILABLE);
      return;
    }
    const timer = setTimeout(
      () => {
        this.#streams.delete(response);
        endStream(response, 'timeout', { ok: true, jobAvailable: false });
      },
      Number(query.get('waitSeconds')) * 1000,
    );
    this.#streams.add(response);
    response.on('close', () => {
      clearTimeout(timer);
      this.#streams.delete(response);
    });
  }
}

const AVAILABLE = { ok: true, jobAvailable: true, reason: 'queued', waitedMs: 12 };

function endStream(response: ServerResponse, event: string, data: object): void {
  response.end(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
