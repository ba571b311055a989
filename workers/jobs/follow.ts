/**
 * Follows one job: first what its transcript holds, then what is added. The socket opens before the transcript is
 * read, so nothing is missed between the two. What arrives on both ways is sent once, by its position.
 *
 * A queued job is followed at every machine that may claim it, so that a claim notifies no other object, and at the
 * queue channel of its account, which reports everything else that ends the waiting.
 */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { readTranscript as transcriptRow } from '../../spec/contract/jobs.ts';
import { accept, type Result } from '../../spec/errors.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isTerminal } from '../../spec/job/status.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { placeOf, QUEUE_CHANNEL } from '../base/notify.ts';
import { connectWatcher, isOwn } from '../machines/connect.ts';
import { type JobRow, targetOf } from '../store/job-row.ts';
import { linksOf, readLinks, toSyncedProjects } from '../store/linked-projects.ts';
import { findForPerson } from './cancel-retry.ts';
import { noJob } from './fence.ts';
import { readTranscript } from './read.ts';

type Entries = ReplyInput<typeof transcriptRow>['entries'];

export interface Follow {
  job: Pick<JobRow, 'id' | 'status' | 'leaseId' | 'leaseCount' | 'attempt'>;
  /** What came before now, after the follower's position. */
  entries: Entries;
  /** Position after these entries: `<leaseCount>-<seq>`. */
  position: string;
  /** Where news arrive. */
  socket: WebSocket;
  /**
   * `end`: the job has ended and everything was sent. `again`: the next stream has more. Absent: the stream
   * continues.
   */
  last: 'end' | 'again' | undefined;
  /** The socket is not closed when its token is revoked, so the token is checked from time to time. */
  mustAsk: boolean;
}

/** Entries that one stream begins with at most; a longer story is read in several streams. */
const PAGE = 1000;

/** More machines than one repository is linked on; a claim by another is found when the stream is opened again. */
const MACHINES_LIMIT = 8;

export async function openFollow(
  deps: Deps,
  user: SignedIn,
  { jobId, after }: { jobId: string; after: string | undefined },
): Promise<Result<Follow, 'not_found' | 'invalid_input' | 'unauthenticated' | 'limit_reached'>> {
  const before = await findForPerson(deps, user, jobId);
  if (before === undefined) return noJob(jobId);
  const places = await placesOf(deps, before);
  const watching = await watch(deps, user, { job: before, places });
  if (!watching.ok) return watching;
  const socket = watching.value;
  const page = await readTranscript(deps, user, { jobId, cursor: after, limit: PAGE });
  const job = await findForPerson(deps, user, jobId);
  if (!page.ok || job === undefined) {
    letGo(socket);
    return page.ok ? noJob(jobId) : page;
  }
  const { entries, nextCursor, hasMore } = page.value;
  // The job is at another machine now, or there is more to read: this stream ends, and the next one begins there.
  const elsewhere = hasMore || !places.includes(placeOf(job));
  const last = elsewhere ? 'again' : isTerminal(job.status) ? 'end' : undefined;
  return accept({ job, entries, position: nextCursor, socket, last, mustAsk: !isOwn(before, user) });
}

/** The objects that may report the next change of a job. */
async function placesOf(deps: Deps, job: JobRow): Promise<string[]> {
  if (job.status !== 'queued') return [placeOf(job)];
  const target = targetOf(job);
  const [projects, sessions] = await deps.db.batch(readLinks(job.userId, linksOf([target])));
  const routes = routesFor(target, toSyncedProjects(projects, sessions));
  const machines = new Set(routes.map(({ machineId }) => machineId));
  return [QUEUE_CHANNEL, ...[...machines].slice(0, MACHINES_LIMIT)];
}

/** One socket that hears every place. */
async function watch(
  deps: Deps,
  user: SignedIn,
  { job, places }: { job: JobRow; places: readonly string[] },
): Promise<Result<WebSocket, 'unauthenticated' | 'limit_reached'>> {
  const { userId, id: jobId } = job;
  const opened = await Promise.all(
    places.map((machineId) => connectWatcher(deps, { userId, machineId }, { jobId, user })),
  );
  const sockets = opened.flatMap((one) => (one.ok ? [one.value] : []));
  const refused = opened.find((one) => !one.ok);
  if (refused === undefined) return accept(joinSockets(sockets));
  for (const socket of sockets) letGo(socket);
  return refused;
}

function letGo(socket: WebSocket): void {
  socket.accept();
  socket.close();
}

/** Several sockets read as one. */
const GONE = 1001;
/** Close codes that stand for an end without a close frame; they must not be sent. */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];

/**
 * Forwards the messages of all sockets; when one end closes, all are closed. The caller still has to accept the
 * returned socket.
 */
function joinSockets(sockets: readonly WebSocket[]): WebSocket {
  const [only, ...others] = sockets;
  if (only !== undefined && others.length === 0) return only;
  const { 0: near, 1: far } = new WebSocketPair();
  const closeAll = ({ code, reason }: { code: number; reason: string }) => {
    for (const socket of [far, ...sockets]) closeQuietly(socket, code, reason);
  };
  far.accept();
  far.addEventListener('close', closeAll);
  for (const socket of sockets) {
    socket.addEventListener('message', ({ data }) => pass(data, far));
    socket.addEventListener('close', closeAll);
    socket.addEventListener('error', () => closeAll({ code: GONE, reason: 'a socket failed' }));
    socket.accept();
  }
  return near;
}

function pass(data: string | ArrayBuffer, far: WebSocket): void {
  try {
    far.send(data);
  } catch {
    // Its reader has left; the close of the others is on its way.
  }
}

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(UNSENDABLE.includes(code) ? GONE : code, reason);
  } catch {
    // Already closed: that is what was wanted.
  }
}
