/**
 * Follows one job: it sends the existing transcript, then new entries. The socket opens before the transcript is read, so no
 * entry is missed. If an entry arrives in both ways, its position shows that, and it is sent once.
 *
 * A queued job is followed at every machine that may claim it, so that a claim need not notify another object. It is also
 * followed at the queue channel of the account, which reports all other changes.
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
import { findForPerson, noJob } from './fence.ts';
import { readTranscript } from './read.ts';

type Entries = ReplyInput<typeof transcriptRow>['entries'];

export interface Follow {
  job: Pick<JobRow, 'id' | 'status' | 'leaseId' | 'leaseCount' | 'attempt'>;
  /** The existing entries after the follower's position. */
  entries: Entries;
  /** The position after these entries, as `<leaseCount>-<seq>`. */
  position: string;
  /** The socket on which new messages arrive. */
  socket: WebSocket;
  /**
   * `end`: the job has ended and everything was sent. `again`: the next stream has more. If undefined, the stream continues.
   */
  last: 'end' | 'again' | undefined;
  /** True if the token must be checked from time to time, because the socket is not closed when its token is revoked. */
  mustAsk: boolean;
}

/** The maximum number of entries at the start of a stream. A longer transcript needs several streams. */
const PAGE = 1000;

/** More machines than usually link one repository. A claim by a further machine is found when the stream is opened again. */
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
  // If the job is at another machine now, or if there is more to read, this stream ends and the client opens the next one.
  const elsewhere = hasMore || !places.includes(placeOf(job));
  const last = elsewhere ? 'again' : isTerminal(job.status) ? 'end' : undefined;
  return accept({ job, entries, position: nextCursor, socket, last, mustAsk: !isOwn(before, user) });
}

/** Returns the objects that may report the next change of a job. */
async function placesOf(deps: Deps, job: JobRow): Promise<string[]> {
  if (job.status !== 'queued') return [placeOf(job)];
  const target = targetOf(job);
  const [projects, sessions] = await deps.db.batch(readLinks(job.userId, linksOf([target])));
  const routes = routesFor(target, toSyncedProjects(projects, sessions));
  const machines = new Set(routes.map(({ machineId }) => machineId));
  return [QUEUE_CHANNEL, ...[...machines].slice(0, MACHINES_LIMIT)];
}

/** Opens one socket that receives the messages of all these objects. */
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

/** The WebSocket close code 1001: the other side is going away. */
const GONE = 1001;
/** Close codes for an end without a close frame. They must not be sent. */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];

/**
 * Forwards the messages of all sockets. When one side closes, this closes all sockets. The caller must accept the returned
 * socket.
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
    // The reader has left, and the other sockets are about to be closed.
  }
}

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(UNSENDABLE.includes(code) ? GONE : code, reason);
  } catch {
    // The socket is already closed.
  }
}
