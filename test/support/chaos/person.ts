/** A person who sends, cancels and retries jobs. Their network fails in the same way as the network of the runners. */

import { setTimeout as sleep } from 'node:timers/promises';
import { deviceLogin } from '../../../spec/contract/auth.ts';
import type { ReplyOf } from '../../../spec/contract/endpoint.ts';
import {
  cancelJob,
  enqueueJob,
  type listJobs,
  type readTranscript,
  type retryJob,
  type showJob,
} from '../../../spec/contract/jobs.ts';
import type { ChaosMachine } from './machine.ts';
import type { PlannedJob } from './plan.ts';

export type Story = ReplyOf<typeof showJob>['job'];
export type Listed = ReplyOf<typeof listJobs>['jobs'][number];
export type Entry = ReplyOf<typeof readTranscript>['entries'][number];

/** The pause before a repeated request. An outage lasts a second or two. */
const PAUSE_MS = 200;
/** A request without an answer in this time is sent again. */
const PATIENCE_MS = 10_000;

type Answer<Body> = { status: number; body: Body };

export class ChaosPerson {
  readonly #url: string;
  #token = '';
  /** The number of retries that may have had an effect, by job. */
  readonly retriesSent = new Map<string, number>();

  readonly #end = new AbortController();

  /** @param url the address of the server for this person */
  constructor(url: string) {
    this.#url = url;
  }

  async signIn(person: { email: string; password: string }): Promise<void> {
    const answer = await this.#ask<ReplyOf<typeof deviceLogin>>('POST', deviceLogin.path, { body: person });
    if (!('token' in answer.body)) throw new Error(`the sign-in answered ${answer.status}`);
    this.#token = answer.body.token;
  }

  /** Sends a job until it is accepted. Because of the key, it becomes only one job. Returns its id. */
  async enqueue(job: PlannedJob, machine: ChaosMachine, folder: string): Promise<string> {
    const { target, recipe, onLeaseLoss } = job;
    const where = {
      session: { machineId: machine.machineId, orpSessionId: machine.sessionId(target.session) },
      idea: { ideaId: machine.ideaId },
      any: {},
    }[target.kind];
    const body = { prompt: JSON.stringify({ ...recipe, folder }), onLeaseLoss, ...where };
    const headers = { 'idempotency-key': recipe.key };
    const answer = await this.#ask<ReplyOf<typeof enqueueJob>>('POST', enqueueJob.path, { body, headers });
    if (answer.status !== 201 && answer.status !== 200) {
      throw new Error(`job ${recipe.key} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body.job.id;
  }

  /** Returns true if the server has cancelled the job. */
  async cancel(jobId: string): Promise<boolean> {
    const { status } = await this.#ask('POST', cancelJob.path.replace(':jobId', jobId), { body: {} });
    return status === 200;
  }

  /** Sends a retry only once. If the answer is lost, it is unknown whether the retry had an effect. */
  async retry(jobId: string): Promise<boolean> {
    this.retriesSent.set(jobId, (this.retriesSent.get(jobId) ?? 0) + 1);
    const path = `${cancelJob.path.replace(':jobId', jobId).replace(/cancel$/, 'retry')}`;
    const answer = await this.#once<ReplyOf<typeof retryJob>>('POST', path, { body: {} });
    return answer?.status === 200;
  }

  async list(query: Record<string, string>): Promise<Listed[]> {
    const jobs: Listed[] = [];
    for (let cursor = ''; ; ) {
      const page = new URLSearchParams({ limit: '200', ...query, ...(cursor ? { cursor } : {}) });
      const { body } = await this.#ask<ReplyOf<typeof listJobs>>('GET', `${enqueueJob.path}?${page}`);
      jobs.push(...body.jobs);
      cursor = body.nextCursor ?? '';
      if (!body.hasMore || cursor === '') return jobs;
    }
  }

  async show(jobId: string): Promise<Story> {
    const { body } = await this.#ask<ReplyOf<typeof showJob>>('GET', `${enqueueJob.path}/${jobId}`);
    return body.job;
  }

  async transcript(jobId: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let cursor = ''; ; ) {
      const page = new URLSearchParams({ limit: '1000', ...(cursor ? { cursor } : {}) });
      const path = `${enqueueJob.path}/${jobId}/transcript?${page}`;
      const { body } = await this.#ask<ReplyOf<typeof readTranscript>>('GET', path);
      entries.push(...body.entries);
      cursor = body.nextCursor;
      if (!body.hasMore) return entries;
    }
  }

  /** Stops waiting for answers. */
  giveUp(): void {
    this.#end.abort(new Error('the person gave up'));
  }

  /** Sends a request until there is a valid answer. */
  async #ask<Body>(
    method: string,
    path: string,
    request: { body?: object; headers?: Record<string, string> } = {},
  ): Promise<Answer<Body>> {
    for (;;) {
      const answer = await this.#once<Body>(method, path, request);
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) return answer;
      await sleep(PAUSE_MS, undefined, { signal: this.#end.signal });
    }
  }

  async #once<Body>(
    method: string,
    path: string,
    request: { body?: object; headers?: Record<string, string> },
  ): Promise<Answer<Body> | undefined> {
    try {
      const response = await fetch(this.#url + path, {
        method,
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: {
          'content-type': 'application/json',
          ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
      return { status: response.status, body: (await response.json()) as Body };
    } catch {
      // The connection was cut, or the server is down.
      return undefined;
    }
  }
}
