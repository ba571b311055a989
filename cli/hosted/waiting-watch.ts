/** Reports why a job waits, and reports again when the reason changes. */

import type { z } from 'zod/mini';
import { type job as jobSchema, showJob } from '../../spec/contract/jobs.ts';
import type { JobStatus } from '../../spec/job/status.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { ServerError } from '../client/server-error.ts';

/** Returns why a job waits, or undefined if it does not wait. */
export function waitingSentence({
  waiting,
}: Pick<z.output<typeof jobSchema>, 'waiting'>): string | undefined {
  if (waiting === undefined) return undefined;
  return `${waiting.message} ${waiting.note ?? ''}`.trim();
}

const ASK_EVERY_MS = 3000;

export class WaitingWatch {
  readonly #client: Client;
  readonly #jobId: string;
  readonly #tell: (sentence: string) => void;
  #asking: AbortController | undefined;
  #told = '';

  constructor(client: Client, jobId: string, tell: (sentence: string) => void) {
    this.#client = { ...client, retry: NO_RETRY };
    this.#jobId = jobId;
    this.#tell = tell;
  }

  /** Sets the status of the job. While the job may wait, the watch asks the server why. */
  update(status: JobStatus): void {
    const mayWait = status === 'queued' || status === 'dispatched' || status === 'lost';
    if (!mayWait) this.stop();
    else if (this.#asking === undefined) void this.#ask();
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
    this.#told = '';
  }

  async #ask(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    const { signal } = asking;
    while (!signal.aborted) {
      const sentence = await this.#find(signal);
      if (!signal.aborted && sentence !== undefined && sentence !== this.#told) {
        this.#told = sentence;
        this.#tell(sentence);
      }
      // The pause fails only if the signal aborts.
      await this.#client.sleep(ASK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #find(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { job } = await call(this.#client, showJob, { params: { jobId: this.#jobId }, signal });
      return waitingSentence(job);
    } catch (error) {
      // The follower of the job reports outages and refusals.
      if (signal.aborted || error instanceof ServerError) return undefined;
      throw error;
    }
  }
}
