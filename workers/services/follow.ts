/**
 * Follows one job: what its transcript holds already, then what comes. The socket is opened before the transcript is
 * read, so nothing falls between the two; what arrives on both ways is told once, by its position.
 */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { readTranscript as transcriptRow } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isTerminal } from '../../spec/job/status.ts';
import type { Deps } from '../deps.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import { connectWatcher, isOwn } from './connect.ts';
import { noJob } from './fence.ts';
import { surroundingsOf } from './job-view.ts';
import { readTranscript } from './jobs.ts';
import { findForPerson } from './orders.ts';
import type { SignedIn } from './sign-in.ts';

type Entries = ReplyInput<typeof transcriptRow>['entries'];

export interface Follow {
  job: Pick<JobRow, 'id' | 'status' | 'leaseId' | 'leaseCount' | 'attempt'>;
  /** What came before now, after the follower's position. */
  entries: Entries;
  /** Position after these entries: `<leaseCount>-<seq>`. */
  position: string;
  /** Where news arrive. */
  socket: WebSocket;
  /** `end`: the job has ended and all is told. `again`: there is more to read, in the next stream. Absent: it goes on. */
  last: 'end' | 'again' | undefined;
  /** Nobody closes the socket when its token is revoked: it is to be asked now and then. */
  mustAsk: boolean;
}

/** Entries that one stream begins with at most; a longer story is read in several streams. */
const PAGE = 1000;

export async function openFollow(
  deps: Deps,
  user: SignedIn,
  { jobId, after }: { jobId: string; after: string | undefined },
): Promise<Result<Follow, 'not_found' | 'invalid_input' | 'unauthenticated'>> {
  const before = await findForPerson(deps, user, jobId);
  if (before === undefined) return noJob(jobId);
  const machine = await machineToWatch(deps, before);
  const socket = await connectWatcher(deps, { userId: before.userId, machineId: machine }, { jobId, user });
  if (socket === undefined) return refuse('unauthenticated', 'The token was revoked.', 'Run orp auth login.');
  const page = await readTranscript(deps, user, { jobId, cursor: after, limit: PAGE });
  const job = await findForPerson(deps, user, jobId);
  if (!page.ok || job === undefined) {
    socket.accept();
    socket.close();
    return page.ok ? noJob(jobId) : page;
  }
  const { entries, nextCursor, hasMore } = page.value;
  // Another machine took it meanwhile, or there is more to read: this stream ends and the next one begins there.
  const elsewhere = hasMore || (job.machineId !== null && job.machineId !== machine);
  const last = elsewhere ? 'again' : isTerminal(job.status) ? 'end' : undefined;
  return accept({ job, entries, position: nextCursor, socket, last, mustAsk: !isOwn(before, user) });
}

/** The machine that holds the job, or the one that is first in line for it; without any, an object that never speaks. */
async function machineToWatch(deps: Deps, job: JobRow): Promise<string> {
  if (job.machineId !== null) return job.machineId;
  const { projects } = await surroundingsOf(deps, job.userId as SignedIn['id']);
  return routesFor(targetOf(job), projects)[0]?.machineId ?? job.targetMachineId ?? 'none';
}
