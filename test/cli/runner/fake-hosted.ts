/**
 * The runner's part of the hosted side on a loopback socket, with the rules that matter to a runner: one lease a job, the
 * lease id as fence, claims that repeat, numbered chunks. Requests are recorded; faults are ordered per route.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CAPABILITIES,
  CAPABILITIES_HEADER,
  type Capability,
  formatCapabilities,
} from '../../../spec/capabilities.ts';
import { getMe } from '../../../spec/contract/auth.ts';

type Fields = Record<string, unknown>;

/** Somebody on the way answers, and the server hears nothing of it. */
export interface Stranger {
  status: number;
  body: string;
}

/** `unavailable`: 503, nothing happens. `lost`: it happens, and the answer is lost. `refused`: 409 `lease_lost`. */
export type Fault = 'unavailable' | 'lost' | 'refused' | 'too_large';
export type Route =
  | 'heartbeat'
  | 'poll'
  | 'start'
  | 'messages'
  | 'logs'
  | 'complete'
  | 'cancel'
  | 'release'
  | 'sync';

export interface FakeJob {
  id: string;
  kind: string;
  prompt: string;
  status: 'queued' | 'dispatched' | 'running' | 'completed' | 'failed' | 'cancelled';
  leaseId: string | undefined;
  claims: string[];
  starts: number;
  completions: Fields[];
  receipts: Fields[];
  releases: Fields[];
  chunks: Map<number, { stream: string; text: string }>;
  messages: Fields[];
  /** Fields put over the wire form of the job. */
  extra: Fields;
  payload: Fields;
}

export interface Recorded {
  route: Route;
  jobId: string | undefined;
  query: URLSearchParams;
  body: Fields;
  token: string;
}

export class FakeService {
  readonly jobs = new Map<string, FakeJob>();
  readonly requests: Recorded[] = [];
  /** Answers 503 to everything. */
  isDown = false;
  /** Answers 401 to everything. */
  isSignedOut = false;
  /** Tells the machine to claim nothing. */
  isDrained = false;
  /** Hands out only jobs of the repositories that a poll names. */
  honoursRoots = false;
  /** The extensions that it announces; without `release` it does not know that route. */
  announced: readonly Capability[] = CAPABILITIES;
  /** Called with every request before anything happens for it. */
  beforeAnswer: ((request: Recorded) => Promise<unknown> | unknown) | undefined;
  readonly #server: Server;
  readonly #faults = new Map<Route, (Fault | Stranger)[]>();
  #leases = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FakeService> {
    const service = new FakeService();
    await new Promise<void>((listening) => service.#server.listen(0, '127.0.0.1', listening));
    return service;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  /** Queues a job whose prompt is a recipe for `recipe-agent.mjs`. */
  addJob(
    id: string,
    recipe: object | string,
    overrides: { payload?: Fields; extra?: Fields; kind?: string } = {},
  ): FakeJob {
    const job: FakeJob = {
      id,
      kind: overrides.kind ?? 'session.prompt',
      prompt: typeof recipe === 'string' ? recipe : JSON.stringify(recipe),
      status: 'queued',
      leaseId: undefined,
      claims: [],
      starts: 0,
      completions: [],
      receipts: [],
      releases: [],
      chunks: new Map(),
      messages: [],
      extra: overrides.extra ?? {},
      payload: overrides.payload ?? {},
    };
    this.jobs.set(id, job);
    return job;
  }

  /** The next requests of a route meet these faults, one each. */
  order(route: Route, ...faults: (Fault | Stranger)[]): void {
    this.#faults.set(route, [...(this.#faults.get(route) ?? []), ...faults]);
  }

  /** No further fault. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** A person cancels: final at once, the lease is revoked. */
  cancel(job: FakeJob): void {
    job.status = 'cancelled';
  }

  /** Somebody else gets the job. */
  reclaim(job: FakeJob): void {
    job.status = 'queued';
    job.leaseId = 'lea_of_somebody_else';
  }

  /** The transcript in order. */
  textOf(job: FakeJob, stream?: string): string {
    return [...job.chunks.entries()]
      .sort(([a], [b]) => a - b)
      .filter(([, chunk]) => stream === undefined || chunk.stream === stream)
      .map(([, chunk]) => chunk.text)
      .join('');
  }

  /** The order of calls, without repeated heartbeats and uploads. */
  callsOf(): string[] {
    return this.requests
      .map((request) => request.route)
      .filter((route, at, all) => !['heartbeat', 'logs'].includes(route) || all[at - 1] !== route);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', 'http://fake');
    const say = (reply: [number, Fields]) => answer(response, reply, this.announced);
    if (url.pathname === getMe.path)
      return say([200, { ok: true, user: { id: 'usr_1', email: 'mira@example.test' } }]);
    const found = findRoute(url.pathname);
    if (found === undefined) return say([404, refusal('route_not_found')]);
    const body = text === '' ? {} : (JSON.parse(text) as Fields);
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const query = url.pathname.endsWith('/claim') ? claimQuery(body) : url.searchParams;
    const recorded = { ...found, query, body, token };
    this.requests.push(recorded);
    await this.beforeAnswer?.(recorded);
    if (this.isDown) return say([503, refusal('unavailable')]);
    if (this.isSignedOut) return say([401, refusal('unauthenticated')]);
    const fault = this.#faults.get(found.route)?.shift();
    if (typeof fault === 'object') return void response.writeHead(fault.status).end(fault.body);
    if (fault === 'unavailable') return say([503, refusal('unavailable')]);
    if (fault === 'refused') return say([409, refusal('lease_lost')]);
    if (fault === 'too_large') return say([413, refusal('body_too_large')]);
    const reply = this.#act(found.route, { jobId: found.jobId, body, query });
    if (fault === 'lost') return void response.destroy();
    say(reply);
  }

  #act(
    route: Route,
    at: { jobId: string | undefined; body: Fields; query: URLSearchParams },
  ): [number, Fields] {
    if (route === 'poll') return [200, this.#poll(at.query)];
    if (route === 'heartbeat') return [200, this.#heartbeat(at.body)];
    if (route === 'sync') return [200, { ok: true, syncedProjects: 1, syncedSessions: 1 }];
    const job = this.jobs.get(at.jobId ?? '');
    if (job === undefined) return [404, refusal('not_found')];
    if (route === 'cancel') {
      job.receipts.push(at.body);
      return [200, { ok: true, job: { id: job.id, status: job.status } }];
    }
    if (route === 'release') return this.#release(job, at.body);
    if (job.leaseId !== at.body.leaseId) return [409, refusal('lease_lost')];
    return this.#write(route, job, at.body);
  }

  #write(route: Route, job: FakeJob, body: Fields): [number, Fields] {
    if (route === 'complete') return this.#complete(job, body);
    // The last output may follow the result, as it may at the real service.
    const isLate = route === 'logs' && job.completions.length > 0;
    if (job.status !== 'running' && !isLate && !(route === 'start' && job.status === 'dispatched')) {
      return [409, refusal('wrong_status')];
    }
    if (route === 'start') {
      job.starts += 1;
      job.status = 'running';
      return [200, { ok: true, job: { id: job.id, status: 'running' } }];
    }
    if (route === 'messages') {
      job.messages.push(body);
      job.chunks.set(Number(body.seq), { stream: 'system', text: `${body.content}\n` });
      return [200, { ok: true, received: receivedOf(job) }];
    }
    for (const chunk of (body.chunks ?? []) as { seq: number; stream: string; text: string }[]) {
      if (!job.chunks.has(chunk.seq)) job.chunks.set(chunk.seq, chunk);
    }
    return [200, { ok: true, accepted: 1, received: receivedOf(job) }];
  }

  /** The holder gives it back: queued again, and free to be claimed. Told twice it answers the same. */
  #release(job: FakeJob, body: Fields): [number, Fields] {
    const isRepeat = job.releases.some((earlier) => earlier.leaseId === body.leaseId);
    if (!isRepeat && job.leaseId !== body.leaseId) return [409, refusal('lease_lost')];
    if (!isRepeat && job.status !== 'dispatched' && job.status !== 'running')
      return [409, refusal('wrong_status')];
    if (!isRepeat) {
      job.status = 'queued';
      job.leaseId = undefined;
      job.releases.push(body);
    }
    return [200, { ok: true, job: { id: job.id, status: job.status } }];
  }

  #complete(job: FakeJob, body: Fields): [number, Fields] {
    if (job.status === 'running') {
      job.status = body.success ? 'completed' : 'failed';
      job.completions.push(body);
    } else if (job.completions.length === 0) return [409, refusal('wrong_status')];
    return [200, { ok: true, job: { id: job.id, status: job.status } }];
  }

  #poll(query: URLSearchParams): Fields {
    const claimId = query.get('claimId') ?? '';
    const roots = query.getAll('projectRoot');
    const all = [...this.jobs.values()];
    const repeated = claimId === '' ? undefined : all.find((job) => job.claims.includes(claimId));
    const isHere = (job: FakeJob) => !this.honoursRoots || roots.includes(String(job.payload.projectRoot));
    const job = repeated ?? all.find((candidate) => candidate.status === 'queued' && isHere(candidate));
    if (job === undefined) return { ok: true, job: null };
    if (query.get('dryRun') === '1') return { ok: true, dryRun: true, job: wireJob(job) };
    if (repeated === undefined) {
      this.#leases += 1;
      job.leaseId = `lea_${this.#leases}`;
      job.status = 'dispatched';
      job.claims.push(claimId);
    }
    return { ok: true, job: wireJob(job), leaseId: job.leaseId, leaseExpiresAt: '2099-01-01T00:00:00Z' };
  }

  #heartbeat(body: Fields): Fields {
    const job = this.jobs.get(String(body.jobId));
    if (job === undefined) return { ok: true, ...(this.isDrained ? { drain: true } : {}) };
    if (job.status === 'cancelled') {
      return { ok: true, lease: { valid: false, reason: 'cancelled', action: 'stop' } };
    }
    if (job.leaseId !== body.leaseId)
      return { ok: true, lease: { valid: false, reason: 'revoked', action: 'stop' } };
    return { ok: true, lease: { valid: true, action: 'continue', expiresAt: '2099-01-01T00:00:00Z' } };
  }
}

/** A claim by POST, as the poll would have said it. */
function claimQuery({ dryRun, projectRoots, ...rest }: Fields): URLSearchParams {
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  for (const root of Array.isArray(projectRoots) ? projectRoots : []) query.append('projectRoot', root);
  if (dryRun === true) query.set('dryRun', '1');
  return query;
}

function receivedOf(job: FakeJob): number {
  let received = 0;
  while (job.chunks.has(received + 1)) received += 1;
  return received;
}

function wireJob(job: FakeJob): Fields {
  return {
    id: job.id,
    kind: job.kind,
    ideaId: 'ide_1',
    attempt: 1,
    onLeaseLoss: 'hold',
    payload: {
      prompt: job.prompt,
      ideaId: 'ide_1',
      orpSessionId: 'orp-main',
      codexSessionId: 'codex-1',
      ...job.payload,
    },
    selection: { source: 'target_session' },
    ...job.extra,
  };
}

function findRoute(path: string): { route: Route; jobId: string | undefined } | undefined {
  const [, name, id, verb] =
    /^\/api\/cli\/runner\/(heartbeat|sync|jobs)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
  if (name === 'heartbeat' || name === 'sync') return { route: name, jobId: undefined };
  if (id === 'poll' || id === 'claim') return { route: 'poll', jobId: undefined };
  const routes = ['start', 'messages', 'logs', 'complete', 'cancel', 'release'] as const;
  const route = routes.find((candidate) => candidate === verb);
  return route && { route, jobId: id };
}

function refusal(code: string): Fields {
  return { error: `refused: ${code}`, code, requestId: 'req_1' };
}

function answer(
  response: ServerResponse,
  [status, body]: [number, Fields],
  announced: readonly Capability[],
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    [CAPABILITIES_HEADER]: formatCapabilities(announced),
  });
  response.end(JSON.stringify(body));
}
