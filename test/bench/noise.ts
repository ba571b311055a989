/** An account at all its limits, and the most expensive requests that it may send. */

import type { Runtime } from '../../scripts/local/runtime.ts';
import { BOUNDS, DEFAULT_ACCOUNT_LIMITS } from '../../spec/bounds.ts';
import { getMe } from '../../spec/contract/auth.ts';
import { followJob, streamEvents } from '../../spec/contract/events.ts';
import { addFeature, addIdea, listIdeas, queueCheckpoint, showIdea } from '../../spec/contract/ideas.ts';
import { enqueueJob, listJobs, showJob } from '../../spec/contract/jobs.ts';
import { addLogs, completeJob, heartbeat, syncMachine } from '../../spec/contract/runner.ts';
import type { Account } from './client.ts';
import { send } from './client.ts';

const KIB = 1024;
const MACHINE = 'noisy-0';

/** How far the account is filled, as a fraction of its limits. Tests use less than 1. */
export interface Fill {
  share: number;
}

/** The account and its database. */
export interface Noisy {
  account: Account;
  userId: string;
  database: Runtime['database'];
}

/** One kind of request. It throws if the server refuses the request. */
interface NoiseRequest {
  kind: string;
  send(turn: number): Promise<unknown>;
}

/**
 * The requests of a full account, in one loop for each of its shares, because a waiting loop must not delay the other
 * loops.
 */
export type Worst = readonly (readonly NoiseRequest[])[];

/** Fills the account over the API. Returns the requests that it may send. */
export async function fillAccount(noisy: Noisy, { share }: Fill): Promise<Worst> {
  const { account } = noisy;
  const part = (count: number) => Math.max(1, Math.floor(count * share));
  await linkMachines(account, { machines: part(4), projects: part(BOUNDS.machineProjects - 1) });
  const ideas = await addIdeas(noisy, part(500));
  const large = await addLargeIdea(account, part(15));
  const jobId = await queueJobs(noisy, part(DEFAULT_ACCOUNT_LIMITS.queuedJobs - 50));
  return [requestsOf(account, { ideaId: ideas, largeIdeaId: large, jobId }), ...deliveriesOf(account, jobId)];
}

async function linkMachines(
  account: Account,
  { machines, projects }: { machines: number; projects: number },
): Promise<void> {
  for (let machine = 0; machine < machines; machine += 1) {
    await send(account, syncMachine, { body: syncBody(`noisy-${machine}`, { projects, turn: 0 }) });
  }
}

/** Returns the sync body of a machine with the maximum number of repositories and sessions. */
function syncBody(machineId: string, { projects, turn }: { projects: number; turn: number }) {
  const roots = Array.from({ length: projects }, (_, index) => `/srv/${machineId}/${index}`);
  return {
    machineId,
    machineName: machineId,
    platform: 'linux',
    appVersion: '0.5.0',
    syncedAt: new Date().toISOString(),
    linkedProjects: roots.map((projectRoot, index) => ({ ideaId: `ide_${index}`, projectRoot })),
    sessions: Array.from({ length: 2500 }, (_, index) => ({
      projectRoot: roots[index % roots.length] ?? '',
      orpSessionId: `orp-${index}`,
      codexSessionId: `codex-${machineId}-${index}`,
      label: `${'label '.repeat(20)}${turn}`,
      state: 'active' as const,
      primary: index < roots.length,
    })),
  };
}

/** Adds one idea over the API, and copies its row. */
async function addIdeas({ account, database, userId }: Noisy, count: number): Promise<string> {
  const { id } = await send(account, addIdea, { body: { title: 'Idea', notes: 'n'.repeat(250 * KIB) } });
  const columns = 'title, visibility, created_at, updated_at, notes';
  await database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO ideas (user_id, id, ${columns}) SELECT user_id, id || '_' || i, ${columns} FROM ideas, n
       WHERE user_id = ?2 AND id = ?3`,
    )
    .bind(count, userId, id)
    .run();
  return id;
}

async function addLargeIdea(account: Account, features: number): Promise<string> {
  const idea = await send(account, addIdea, { body: { title: 'Large' } });
  const path = addFeature.path.replace(':ideaId', idea.id);
  const details = Array.from({ length: 25 }, () => ({ body: 'b'.repeat(10 * KIB) }));
  for (let index = 0; index < features; index += 1) {
    await send(account, addFeature, { path, body: { title: `Feature ${index}`, details } });
  }
  return idea.id;
}

/** Queues one job over the API, and copies its row up to the limit of the account. */
async function queueJobs({ account, database, userId }: Noisy, count: number): Promise<string> {
  const { job } = await send(account, enqueueJob, { body: { prompt: 'Wait here.', machineId: MACHINE } });
  const columns = `kind, status, created_at, created_by, updated_at, priority, available_at, expires_at, on_lease_loss,
    max_attempts, session_fallback, target_machine_id, prompt`;
  await database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, ${columns}) SELECT user_id, id || '_' || i, ${columns} FROM jobs, n
       WHERE user_id = ?2 AND id = ?3`,
    )
    .bind(count, userId, job.id)
    .run();
  return job.id;
}

function requestsOf(
  account: Account,
  { ideaId, largeIdeaId, jobId }: { ideaId: string; largeIdeaId: string; jobId: string },
): NoiseRequest[] {
  const contextSelection = { includePreviousResponseSummaries: true };
  const kinds: Record<string, NoiseRequest['send']> = {
    account: () => send(account, getMe, {}),
    'sync of 500 repositories': (turn) =>
      send(account, syncMachine, { body: syncBody(MACHINE, { projects: BOUNDS.machineProjects, turn }) }),
    'list of ideas': () => send(account, listIdeas, { query: { limit: '500' } }),
    'largest idea': () => send(account, showIdea, { path: showIdea.path.replace(':ideaId', largeIdeaId) }),
    'enqueue of 200 KiB': () => send(account, enqueueJob, { body: { prompt: 'p'.repeat(200 * KIB) } }),
    'list of jobs': () => send(account, listJobs, { query: { limit: '200' } }),
    job: () => send(account, showJob, { path: showJob.path.replace(':jobId', jobId) }),
    review: () =>
      send(account, queueCheckpoint, {
        path: queueCheckpoint.path.replace(':ideaId', ideaId),
        body: { contextSelection },
      }),
    channel: () => glance(account, `${streamEvents.path}?machineId=${MACHINE}`),
    follower: () => glance(account, followJob.path.replace(':jobId', jobId)),
  };
  return Object.entries(kinds).map(([kind, run]) => ({ kind, send: run }));
}

/**
 * Returns the largest deliveries that the server reads, for a lease that nobody holds. The bodies are built only once,
 * because this process also measures.
 */
function deliveriesOf(account: Account, jobId: string): NoiseRequest[][] {
  const holder = { machineId: MACHINE, leaseId: 'lea_none' };
  const lines = Array.from({ length: 15 * 1024 }, () => ({ level: 'info', line: 'l'.repeat(1000) }));
  const content = 'c'.repeat(6 * 1024 * KIB);
  const post = (kind: string, row: { path: string }, body: object): NoiseRequest => {
    const bytes = Buffer.from(JSON.stringify({ ...holder, ...body }));
    const run = async () => {
      const response = await fetch(`${account.baseUrl}${row.path.replace(':jobId', jobId)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${account.token}` },
        body: bytes,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${row.path} answered ${response.status}: ${text}`);
    };
    return { kind, send: run };
  };
  const chunks = [{ seq: 1, stream: 'stdout', text: 'c'.repeat(190 * KIB) }];
  return [
    [
      post('logs of 15 MiB', addLogs, { lines }),
      post('result of 6 MiB', completeJob, { success: true, content }),
    ],
    [
      post('result of 500 KiB', completeJob, { success: true, content: content.slice(0, 500 * KIB) }),
      post('logs of 190 KiB', addLogs, { chunks }),
      post('logs of 1 byte', addLogs, { chunks: [{ seq: 1, stream: 'stdout', text: 'c' }] }),
    ],
    [
      {
        kind: 'heartbeat with a new name',
        send: (turn) =>
          send(account, heartbeat, { body: { machineId: MACHINE, machineName: `noisy ${turn}` } }),
      },
    ],
  ];
}

/** Opens a stream, reads its first bytes and closes it. */
async function glance(account: Account, path: string): Promise<void> {
  const response = await fetch(`${account.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${account.token}`, accept: 'text/event-stream' },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

/**
 * The numbers of accepted requests, of requests refused because their lease is not live, and of requests refused at a
 * bound.
 */
export interface NoiseCounts {
  taken: number;
  fenced: number;
  refused: number;
}

/** Sends requests over several connections, each in a loop, until it is stopped. A refusal counts as an answer. */
export async function makeNoise(
  requests: readonly NoiseRequest[],
  { lanes, signal }: { lanes: number; signal: AbortSignal },
): Promise<Record<string, NoiseCounts>> {
  const counts: Record<string, NoiseCounts> = {};
  for (const { kind } of requests) counts[kind] = { taken: 0, fenced: 0, refused: 0 };
  const loop = async (lane: number): Promise<void> => {
    for (let turn = lane; !signal.aborted; turn += 1) {
      const request = requests[turn % requests.length];
      const own = counts[request?.kind ?? ''];
      if (request === undefined || own === undefined) return;
      await request.send(turn).then(
        () => {
          own.taken += 1;
        },
        (error: unknown) => {
          own[refusalOf(error)] += 1;
        },
      );
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => loop(lane)));
  return counts;
}

function refusalOf(error: unknown): keyof NoiseCounts {
  if (/answered 409/.test(String(error))) return 'fenced';
  // If the server refuses a large body, it does not read it to its end.
  const isCutOff = error instanceof TypeError && /fetch failed/.test(error.message);
  if (isCutOff || /answered (413|429)/.test(String(error))) return 'refused';
  throw error;
}
