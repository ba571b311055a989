/**
 * The client that the package publishes as `orp-runner/client`: queue a prompt, follow it, wait for its answer. It needs only `fetch`. Its
 * type declarations use no imported types, so `dist/client.d.ts` needs no other file.
 */

import { createParser } from 'eventsource-parser';

export type JobStatus = 'queued' | 'dispatched' | 'running' | 'lost' | 'completed' | 'failed' | 'cancelled';

/** What to run, and where. Without a target, a session of the idea, or any linked session, takes the prompt. */
export interface Order {
  prompt: string;
  ideaId?: string;
  worldId?: string;
  machineId?: string;
  projectRoot?: string;
  orpSessionId?: string;
  codexSessionId?: string;
  /** `none`: only the named session may take the job. */
  sessionFallback?: 'primary' | 'none';
  /** From -100 to 100. Higher ones are claimed first. */
  priority?: number;
  /** ISO 8601. */
  notBefore?: string;
  expiresAt?: string;
  /** What happens if the machine goes silent while the agent works. */
  onLeaseLoss?: 'requeue' | 'hold';
  onUsageLimit?: 'wait' | 'fail';
  maxAttempts?: number;
  timeoutSeconds?: number;
}

export interface Job {
  id: string;
  kind: string;
  status: JobStatus;
  attempt: number;
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
  machineId?: string | undefined;
  projectRoot?: string | undefined;
  startedAt?: string | undefined;
  finishedAt?: string | undefined;
  /** The first line of the answer. */
  summary?: string | undefined;
  /** The answer. Only the jobs that `get` and `wait` return have it. */
  content?: string | undefined;
  error?: string | undefined;
  failureKind?: string | undefined;
  /** Why the job does not run. */
  waiting?: { code: string; message: string; since: string; note?: string | undefined } | undefined;
}

/** One message of the agent, one piece of output, or a gap. */
export interface TranscriptEntry {
  attempt: number;
  seq: number;
  at: string;
  type: 'message' | 'log' | 'gap';
  stream: string;
  level: string;
  text: string;
}

export type JobEvent =
  | { kind: 'status'; status: JobStatus }
  | { kind: 'entry'; entry: TranscriptEntry }
  /** The job has ended, and all its entries were delivered. */
  | { kind: 'end'; status: JobStatus };

export interface OrpClientOptions {
  /** The address of the server, such as `https://orp.example.org`. */
  baseUrl: string;
  /** A token of an account: `ORP_TOKEN` in CI. */
  token: string;
  /** How long one request may take. Default: 30 s. */
  timeoutMs?: number;
  /** Allows plain http to other hosts than this machine. Other people on the network could then read the token. */
  allowHttp?: boolean;
}

export interface WaitOptions {
  signal?: AbortSignal;
  /** After this time, `wait` and `follow` throw an `OrpError` with the code `timeout`. The job continues. */
  timeoutMs?: number;
}

/** A refusal of the server, or a failure to reach it. Branch on `code`, never on the sentence. */
export class OrpError extends Error {
  override readonly name: string = 'OrpError';
  /** A code of the server, or `unreachable`, `timeout` or `invalid_url`. */
  readonly code: string;
  /** The HTTP status. 0 if no server answered. */
  readonly status: number;
  readonly hint: string | undefined;

  constructor(
    message: string,
    about: { code: string; status?: number; hint?: string | undefined; cause?: unknown },
  ) {
    super(message, { cause: about.cause });
    this.code = about.code;
    this.status = about.status ?? 0;
    this.hint = about.hint;
  }
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
const TRIES = 4;
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** The server sends a comment every 15 s. */
const SILENCE_MS = 37_500;
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

export class OrpClient {
  readonly #base: string;
  readonly #token: string;
  readonly #timeoutMs: number;

  constructor(options: OrpClientOptions) {
    const { baseUrl, token, timeoutMs = 30_000, allowHttp = false } = options;
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
      throw new OrpError('baseUrl must be the address of a server, such as https://orp.example.org.', {
        code: 'invalid_url',
      });
    if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname) && !allowHttp)
      throw new OrpError('baseUrl is not encrypted, so others could read the token. Use https.', {
        code: 'invalid_url',
      });
    if (token.trim() === '') throw new OrpError('token is missing.', { code: 'unauthenticated' });
    this.#base = baseUrl.replace(/\/+$/, '');
    this.#token = token.trim();
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Queues a prompt. If the answer is lost, the client repeats the request with the same key, so one call creates one job. If you pass
   * your own key, repeated calls within 30 days also create only one job.
   */
  async enqueue(order: Order, options: { idempotencyKey?: string } = {}): Promise<Job> {
    const key = options.idempotencyKey ?? crypto.randomUUID();
    const { job } = await this.#call<{ job: Job }>('POST', '/api/cli/runner/jobs', {
      body: order,
      headers: { 'Idempotency-Key': key },
    });
    return job;
  }

  async get(jobId: string): Promise<Job> {
    return (await this.#call<{ job: Job }>('GET', `/api/cli/runner/jobs/${encodeURIComponent(jobId)}`)).job;
  }

  /** Cancels a job. Cancelling an ended job is refused with `wrong_status`. */
  async cancel(jobId: string, reason?: string): Promise<Job> {
    const path = `/api/cli/runner/jobs/${encodeURIComponent(jobId)}/cancel`;
    return (await this.#call<{ job: Job }>('POST', path, { body: { reason } })).job;
  }

  /** Waits until the job is completed, failed or cancelled, and returns it with its answer. If the job is lost, `wait` continues to wait. */
  async wait(jobId: string, options: WaitOptions = {}): Promise<Job> {
    for await (const event of this.follow(jobId, options)) if (event.kind === 'end') break;
    return this.get(jobId);
  }

  /**
   * Yields the transcript and the status changes of a job until the job ends. After a lost connection it resumes after the last entry, so
   * no
   * entry is repeated or lost. A refusal by the server ends it, but an outage does not.
   */
  async *follow(jobId: string, options: WaitOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    const stop = stopSignal(options);
    let cursor: string | undefined;
    let status: string | undefined;
    for (let failures = 0; ; ) {
      const before = `${cursor} ${status}`;
      try {
        for await (const { id, event, data } of this.#stream(jobId, cursor, stop)) {
          cursor = id ?? cursor;
          const news = readEvent(event, data);
          if (news === undefined || (news.kind === 'status' && news.status === status)) continue;
          if (news.kind !== 'entry') status = news.status;
          yield news;
          if (news.kind === 'end') return;
        }
      } catch (error) {
        throwIfStopped(stop, options);
        if (!(error instanceof OrpError) || !isPassing(error)) throw error;
      }
      failures = before === `${cursor} ${status}` ? failures + 1 : 0;
      await pause(failures, stop).catch(() => throwIfStopped(stop, options));
    }
  }

  async #call<Reply>(
    method: string,
    path: string,
    extras: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const init: RequestInit = {
      method,
      headers: { ...this.#headers(), 'Content-Type': 'application/json', ...extras.headers },
      ...(extras.body === undefined ? {} : { body: JSON.stringify(extras.body) }),
    };
    for (let failures = 1; ; failures += 1) {
      try {
        const response = await this.#fetch(path, init, AbortSignal.timeout(this.#timeoutMs));
        return (await response.json()) as Reply;
      } catch (error) {
        const failure = error instanceof OrpError ? error : unreachable(this.#base, error);
        if (failures >= TRIES || !isPassing(failure)) throw failure;
        await pause(failures);
      }
    }
  }

  /** Returns a successful answer. Treats a redirect as a failure, so that the token is never sent to another server. */
  async #fetch(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#base}${path}`, { ...init, signal, redirect: 'error' });
    } catch (error) {
      throw unreachable(this.#base, error);
    }
    if (response.ok) return response;
    const said = (await response.json().catch(() => undefined)) as Record<string, unknown> | undefined;
    const text = (name: string) => (typeof said?.[name] === 'string' ? said[name] : undefined);
    throw new OrpError(text('error') ?? `${this.#base} answered with status ${response.status}.`, {
      code: text('code') ?? (response.status >= 500 ? 'unavailable' : 'unreachable'),
      status: response.status,
      hint: text('hint'),
    });
  }

  #headers(): Record<string, string> {
    return { Accept: 'application/json', Authorization: `Bearer ${this.#token}` };
  }

  async *#stream(jobId: string, cursor: string | undefined, stop: AbortSignal) {
    const silence = new AbortController();
    const signal = AbortSignal.any([stop, silence.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const headers = {
      ...this.#headers(),
      Accept: 'text/event-stream',
      ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
    };
    const found: { id: string | undefined; event: string | undefined; data: string }[] = [];
    const parser = createParser({
      onEvent: ({ id, event, data }) => void found.push({ id, event, data }),
      maxBufferSize: MAX_EVENT_CHARACTERS,
    });
    try {
      const path = `/api/cli/runner/jobs/${encodeURIComponent(jobId)}/events`;
      const response = await this.#fetch(path, { headers }, signal);
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (;;) {
        const piece = await reader?.read();
        if (piece?.value === undefined) return;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        parser.feed(decoder.decode(piece.value, { stream: true }));
        yield* found.splice(0);
      }
    } catch (error) {
      throw error instanceof OrpError ? error : unreachable(this.#base, error);
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }
}

function unreachable(base: string, cause: unknown): OrpError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OrpError(`${base} cannot be reached: ${why}`, { code: 'unreachable', cause });
}

/** The same request may succeed later. */
function isPassing({ status, code }: OrpError): boolean {
  return status === 0 || status >= 500 || status === 429 || code === 'unavailable';
}

function stopSignal({ signal, timeoutMs }: WaitOptions): AbortSignal {
  const signals = [
    ...(signal === undefined ? [] : [signal]),
    ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)]),
  ];
  return AbortSignal.any(signals);
}

function throwIfStopped(stop: AbortSignal, { signal, timeoutMs }: WaitOptions): void {
  if (signal?.aborted) throw signal.reason;
  if (stop.aborted)
    throw new OrpError(`The job has not ended within ${timeoutMs} ms. It continues.`, { code: 'timeout' });
}

/** Waits longer after each failure. Rejects when the signal aborts. */
function pause(failures: number, signal?: AbortSignal): Promise<void> {
  const most = failures === 0 ? 0 : Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** failures);
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, Math.random() * most);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}

/** Ignores events that it does not know, which a newer server may send. */
function readEvent(event: string | undefined, text: string): JobEvent | undefined {
  if (event !== 'entry' && event !== 'status' && event !== 'end') return undefined;
  const data = JSON.parse(text) as TranscriptEntry & { status: JobStatus };
  return event === 'entry' ? { kind: event, entry: data } : { kind: event, status: data.status };
}
