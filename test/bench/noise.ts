/** An account at all its limits, and the most expensive things that it may ask for. */

import { BOUNDS, DEFAULT_ACCOUNT_LIMITS } from '../../spec/bounds.ts';
import { followJob, streamEvents } from '../../spec/contract/events.ts';
import { addFeature, addIdea, listIdeas, showIdea } from '../../spec/contract/ideas.ts';
import { enqueueJob, listJobs, showJob } from '../../spec/contract/jobs.ts';
import { queueCheckpoint, syncMachine } from '../../spec/contract/runner.ts';
import type { Account } from './client.ts';
import { send } from './client.ts';

const KIB = 1024;
const MACHINE = 'noisy-0';

/** What the account is filled with, as shares of its limits; below 1 in tests. */
export interface Fill {
  share: number;
}

type Request = (turn: number) => Promise<unknown>;

/** Fills the account through the front door and gives back what it may ask for, the worst first. */
export async function fillAccount(account: Account, { share }: Fill): Promise<Request[]> {
  const part = (count: number) => Math.max(1, Math.floor(count * share));
  await linkMachines(account, { machines: part(4), projects: part(BOUNDS.machineProjects - 1) });
  const ideas = await addIdeas(account, part(60));
  const large = await addLargeIdea(account, part(15));
  const jobId = await queueJobs(account, part(DEFAULT_ACCOUNT_LIMITS.queuedJobs - 50));
  return requestsOf(account, { ideaId: ideas, largeIdeaId: large, jobId });
}

async function linkMachines(
  account: Account,
  { machines, projects }: { machines: number; projects: number },
): Promise<void> {
  for (let machine = 0; machine < machines; machine += 1) {
    await send(account, syncMachine, { body: syncBody(`noisy-${machine}`, { projects, turn: 0 }) });
  }
}

/** A machine with as many repositories and sessions as one may have. */
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

async function addIdeas(account: Account, count: number): Promise<string> {
  const notes = 'n'.repeat(250 * KIB);
  let last = '';
  for (let index = 0; index < count; index += 1) {
    last = (await send(account, addIdea, { body: { title: `Idea ${index}`, notes } })).id;
  }
  return last;
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

async function queueJobs(account: Account, count: number): Promise<string> {
  let last = '';
  for (let done = 0; done < count; done += 8) {
    const batch = Array.from({ length: 8 }, () =>
      send(account, enqueueJob, { body: { prompt: 'Wait here.', machineId: MACHINE } }),
    );
    last = (await Promise.all(batch)).at(-1)?.job.id ?? last;
  }
  return last;
}

function requestsOf(
  account: Account,
  { ideaId, largeIdeaId, jobId }: { ideaId: string; largeIdeaId: string; jobId: string },
): Request[] {
  const contextSelection = { includePreviousResponseSummaries: true };
  return [
    (turn) =>
      send(account, syncMachine, { body: syncBody(MACHINE, { projects: BOUNDS.machineProjects, turn }) }),
    () => send(account, listIdeas, { query: { limit: '500' } }),
    () => send(account, showIdea, { path: showIdea.path.replace(':ideaId', largeIdeaId) }),
    () => send(account, enqueueJob, { body: { prompt: 'p'.repeat(200 * KIB) } }),
    () => send(account, listJobs, { query: { limit: '200' } }),
    () => send(account, showJob, { path: showJob.path.replace(':jobId', jobId) }),
    () =>
      send(account, queueCheckpoint, {
        path: queueCheckpoint.path.replace(':ideaId', ideaId),
        body: { contextSelection },
      }),
    () => glance(account, `${streamEvents.path}?machineId=${MACHINE}`),
    () => glance(account, followJob.path.replace(':jobId', jobId)),
  ];
}

/** Opens a stream, reads its first bytes and lets go. */
async function glance(account: Account, path: string): Promise<void> {
  const response = await fetch(`${account.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${account.token}`, accept: 'text/event-stream' },
  });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

export interface NoiseCounts {
  answered: number;
  refused: number;
}

/** Asks in a loop until it is told to stop, one request at a time. A refusal is an answer. */
export async function makeNoise(requests: readonly Request[], signal: AbortSignal): Promise<NoiseCounts> {
  const counts = { answered: 0, refused: 0 };
  for (let turn = 1; !signal.aborted; turn += 1) {
    try {
      await requests[turn % requests.length]?.(turn);
      counts.answered += 1;
    } catch (error) {
      if (!/answered (413|429)/.test(String(error))) throw error;
      counts.refused += 1;
    }
  }
  return counts;
}
