/** Transcripts of tests: what a runner uploads, and all that a person reads. */

import type { BodyInput } from '../../../spec/contract/endpoint.ts';
import { readTranscript } from '../../../spec/contract/jobs.ts';
import { addLogs } from '../../../spec/contract/runner.ts';
import { accepts } from './call.ts';
import type { Held } from './machines.ts';

export type Chunk = NonNullable<BodyInput<typeof addLogs>['chunks']>[number];

export function chunk(seq: number, text = `line ${seq}\n`): Chunk {
  return { seq, stream: 'stdout', text };
}

export function upload({ machine, jobId, leaseId }: Held, chunks: Chunk[]) {
  const { owner, machineId } = machine;
  return accepts(addLogs, { as: owner, params: { jobId }, body: { machineId, leaseId, chunks } });
}

/** Every entry, page by page. */
export async function entriesOf({ machine, jobId }: Pick<Held, 'machine' | 'jobId'>) {
  const entries = [];
  let cursor = '';
  for (let hasMore = true; hasMore; ) {
    const page = await accepts(readTranscript, {
      as: machine.owner,
      params: { jobId },
      query: { limit: 1000, cursor },
    });
    entries.push(...page.entries);
    ({ hasMore, nextCursor: cursor } = page);
  }
  return entries;
}

export async function textsOf(held: Pick<Held, 'machine' | 'jobId'>): Promise<string[]> {
  return (await entriesOf(held)).map((entry) => entry.text);
}
