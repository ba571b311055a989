/**
 * The receipt of a cancelled job: what its machine says that it stopped. A cancel is final at once; the receipt follows, as
 * soon as the machine has heard of it and the agent has ended.
 */

import { showJob } from '../../spec/contract/jobs.ts';
import { call } from './call.ts';
import type { Client } from './client.ts';
import { ServiceError } from './service-error.ts';

export type Receipt =
  | { kind: 'unasked' }
  /** It was given; `text` stands in the transcript, or will. `tries`: how often it was not there yet. */
  | { kind: 'expected'; text: string; tries: number }
  /** It was read, or none is to come. */
  | { kind: 'settled' };

/** A heartbeat every 20 s, three signals 5 s apart, and some time for the way. */
const LIMIT_MS = 60_000;
const ASK_EVERY_MS = 1000;
/** The transcript may be a moment behind the job. */
const MOST_TRIES = 10;

interface Asking {
  client: Client;
  jobId: string;
  signal?: AbortSignal | undefined;
}

/** What is to be expected at the end of the transcript of a cancelled job. Waits for its machine, a minute at most. */
export async function nextReceipt(known: Receipt, asking: Asking): Promise<Receipt> {
  switch (known.kind) {
    case 'settled':
      return known;
    case 'unasked':
      return waitForReceipt(asking);
    case 'expected':
      if (known.tries >= MOST_TRIES) return { kind: 'settled' };
      await asking.client.sleep(ASK_EVERY_MS / 2, asking.signal);
      return { ...known, tries: known.tries + 1 };
  }
}

async function waitForReceipt({ client, jobId, signal }: Asking): Promise<Receipt> {
  for (let waitedMs = 0; waitedMs < LIMIT_MS; waitedMs += ASK_EVERY_MS) {
    const job = await show({ client, jobId, signal });
    if (job !== undefined) {
      const text = job.events.findLast(({ action }) => action === 'stopped')?.detail;
      if (job.cancel?.confirmedAt !== undefined && text !== undefined)
        return { kind: 'expected', text, tries: 0 };
      const { attempt, startedAt } = job;
      const wasRunning = job.attempts.some((one) => one.attempt === attempt && one.startedAt !== undefined);
      // Nothing ran that could be stopped, or the job has gone on.
      if (job.status !== 'cancelled' || (startedAt === undefined && !wasRunning)) break;
    }
    await client.sleep(ASK_EVERY_MS, signal);
  }
  return { kind: 'settled' };
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
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}
