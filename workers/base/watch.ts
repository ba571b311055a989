/** The messages from a machine's object to the Worker that serves the followers of a job. */

import type { Entry } from '../../spec/contract/jobs.ts';

export type WatchNews =
  /** New transcript entries of one attempt, in order. */
  | { kind: 'entries'; leaseId: string; entries: Entry[] }
  /** The job has changed and must be read again. */
  | { kind: 'moved' };
