/**
 * The receipt of a cancelled job, in which the machine reports which processes it stopped. The cancel is final immediately. The receipt
 * follows when the machine has stopped the agent.
 */

import { showJob } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { ServerError } from '../client/server-error.ts';

/** How long to wait for the receipt: long enough for a heartbeat (20 s), three signals 5 s apart, and the network. */
const LIMIT_MS = 60_000;
const ASK_EVERY_MS = 1000;
/** The transcript may lag behind the job. */
const MOST_TRIES = 10;

/** The receipt is among the last entries of a transcript. */
const REMEMBERED = 16;

interface Asking {
  client: Client;
  jobId: string;
  signal?: AbortSignal | undefined;
}

/** Tracks whether the receipt of a cancelled job has appeared in its transcript. */
export class ReceiptWatch {
  readonly #asking: Asking;
  readonly #seen: string[] = [];
  #isAsked = false;
  /** The receipt: the text of the transcript entry, then the lease. */
  #told: string | undefined;
  #tries = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** Call this for each entry of the transcript. */
  see({ stream, text }: { stream: string; text: string }): void {
    const words = text.trim();
    if (stream !== 'system' || words === '') return;
    this.#seen.push(words);
    if (this.#seen.length > REMEMBERED) this.#seen.shift();
  }

  /** Call this at the end of the transcript. Waits for the machine, up to a minute, and returns whether to read on. */
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

/** The receipt, or undefined if none will come. */
async function waitForReceipt({ client, jobId, signal }: Asking): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < LIMIT_MS; waitedMs += ASK_EVERY_MS) {
    const job = await show({ client, jobId, signal });
    if (job !== undefined) {
      const text = job.events.findLast(({ action }) => action === 'stopped')?.detail;
      if (job.cancel?.confirmedAt !== undefined && text !== undefined) return text;
      const { attempt, startedAt } = job;
      const wasRunning = job.attempts.some((one) => one.attempt === attempt && one.startedAt !== undefined);
      // Nothing was running, or the job was queued again.
      if (job.status !== 'cancelled' || (startedAt === undefined && !wasRunning)) break;
    }
    await client.sleep(ASK_EVERY_MS, signal);
  }
  return undefined;
}

/** Returns undefined when the server is unreachable. */
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
