/** What the followers of one job are told, between a machine's object and the Worker that holds their streams. */

import type { Entry } from '../../spec/contract/jobs.ts';

export type WatchNews =
  /** New entries of one attempt, in order. */
  | { kind: 'entries'; leaseId: string; entries: Entry[] }
  /** The job moved: read it anew. */
  | { kind: 'moved' };
