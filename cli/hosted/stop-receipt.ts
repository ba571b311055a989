/**
 * The receipt of a cancelled job: what its machine says that it stopped. A cancel is final at once; the receipt follows, as
 * soon as the machine has heard of it and the agent has ended.
 */

import { showJob } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { ServerError } from '../client/server-error.ts';

/** A heartbeat every 20 s, three signals 5 s apart, and some time for the way. */
const LIMIT_MS = 60_000;
const ASK_EVERY_MS = 1000;
/** The transcript may be a moment behind the job. */
const MOST_TRIES = 10;

/** What the machine says is among the last words of a transcript. */
const REMEMBERED = 16;

interface Asking {
  client: Client;
  jobId: string;
  signal?: AbortSignal | undefined;
}

/** Whether the receipt of a cancelled job has been read in its transcript, or is still to come. */
export class ReceiptWatch {
  readonly #asking: Asking;
  readonly #seen: string[] = [];
  #isAsked = false;
  /** The receipt as the story of the job tells it: the words of the transcript, then the lease. */
  #told: string | undefined;
  #tries = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** Takes each entry of the transcript. */
  see({ stream, text }: { stream: string; text: string }): void {
    const words = text.trim();
    if (stream !== 'system' || words === '') return;
    this.#seen.push(words);
    if (this.#seen.length > REMEMBERED) this.#seen.shift();
  }

  /** Asked at each end of the transcript: whether to read it again. Waits for the machine first, a minute at most. */
  async isOwed(): Promise<boolean> {
    if (!this.#isAsked) {
      this.#isAsked = true;
      this.#told = await waitForReceipt(this.#asking);
      return this.#isMissing();
    }
    if (!this.#isMissing() || this.#tries >= MOST_TRIES) return false;
    this.#tries += 1;
    await this.#asking.client.sleep(ASK_EVERY_MS / 2, this.#asking.signal);
    return true;
  }

  #isMissing(): boolean {
    const told = this.#told;
    return told !== undefined && !this.#seen.some((words) => told.startsWith(words));
  }
}

/** What the machine said; undefined when nothing is to come. */
async function waitForReceipt({ client, jobId, signal }: Asking): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < LIMIT_MS; waitedMs += ASK_EVERY_MS) {
    const job = await show({ client, jobId, signal });
    if (job !== undefined) {
      const text = job.events.findLast(({ action }) => action === 'stopped')?.detail;
      if (job.cancel?.confirmedAt !== undefined && text !== undefined) return text;
      const { attempt, startedAt } = job;
      const wasRunning = job.attempts.some((one) => one.attempt === attempt && one.startedAt !== undefined);
      // Nothing ran that could be stopped, or the job has gone on.
      if (job.status !== 'cancelled' || (startedAt === undefined && !wasRunning)) break;
    }
    await client.sleep(ASK_EVERY_MS, signal);
  }
  return undefined;
}

/** Undefined: it cannot be asked now. */
async function show({ client, jobId, signal }: Asking) {
  try {
    const { job } = await call(client, showJob, {
      params: { jobId },
      ...(signal === undefined ? {} : { signal }),
    });
    return job;
  } catch (error) {
    if (error instanceof ServerError) return undefined;
    throw error;
  }
}
