/** Machines, ideas and jobs of tests, made over the front door; a test names only what matters. */

import type { BodyInput, ReplyOf } from '../../../spec/contract/endpoint.ts';
import { addIdea, queueCheckpoint } from '../../../spec/contract/ideas.ts';
import { enqueueJob, showJob } from '../../../spec/contract/jobs.ts';
import {
  addLogs,
  completeJob,
  heartbeat,
  pollJob,
  releaseJob,
  startJob,
  syncMachine,
} from '../../../spec/contract/runner.ts';
import { accepts } from './call.ts';
import { currentTime } from './clock.ts';
import type { Person } from './people.ts';
import { aPerson } from './people.ts';

export type ShownJob = ReplyOf<typeof showJob>['job'];

export interface Session {
  orpSessionId: string;
  codexSessionId?: string | null;
  state?: 'active' | 'closed';
  primary?: boolean;
  policy?: { outcome: 'allow' | 'ask' | 'deny'; rule?: string };
}

/** A machine with one linked repository. */
export interface Machine {
  owner: Person;
  machineId: string;
  ideaId: string;
  projectRoot: string;
}

/** A claim as its holder knows it. */
export interface Held {
  machine: Machine;
  jobId: string;
  leaseId: string;
}

export async function anIdea(owner: Person, title = 'Tidal survey'): Promise<string> {
  return (await accepts(addIdea, { as: owner, body: { title, notes: 'Measure the tide.' } })).id;
}

export interface MachineOptions {
  owner?: Person;
  ideaId?: string;
  projectRoot?: string;
  sessions?: readonly Session[];
}

/** A new machine that has synced one repository; by default with one session, its primary one. */
export async function aMachine(options: MachineOptions = {}): Promise<Machine> {
  const owner = options.owner ?? (await aPerson());
  const machineId = crypto.randomUUID();
  const machine = {
    owner,
    machineId,
    ideaId: options.ideaId ?? (await anIdea(owner)),
    projectRoot: options.projectRoot ?? `/home/mira/${machineId}`,
  };
  await sync(
    machine,
    options.sessions ?? [{ orpSessionId: 'orp-main', codexSessionId: `codex-${machineId}` }],
  );
  return machine;
}

export function syncBody(machine: Machine, sessions: readonly Session[]): BodyInput<typeof syncMachine> {
  const { machineId, ideaId, projectRoot } = machine;
  const at = new Date(currentTime()).toISOString();
  return {
    machineId,
    machineName: 'workbench',
    platform: 'linux',
    appVersion: '0.4.4',
    syncedAt: at,
    linkedProjects: [
      { ideaId, ideaTitle: 'Tidal survey', projectName: 'survey', projectRoot, lastOpenedAt: at },
    ],
    sessions: sessions.map((session, index) => ({
      ideaId,
      projectRoot,
      label: session.orpSessionId,
      state: session.state ?? 'active',
      primary: session.primary ?? index === 0,
      orpSessionId: session.orpSessionId,
      codexSessionId: session.codexSessionId ?? null,
      lastActiveAt: at,
      ...(session.policy === undefined ? {} : { policy: session.policy }),
    })),
  };
}

export async function sync(machine: Machine, sessions: readonly Session[]): Promise<void> {
  await accepts(syncMachine, { as: machine.owner, body: syncBody(machine, sessions) });
}

/** Queues a prompt for the machine's idea. */
export async function aPrompt(
  machine: Machine,
  options: Partial<BodyInput<typeof enqueueJob>> = {},
): Promise<string> {
  const body = { prompt: 'Count the gauges.', ideaId: machine.ideaId, ...options };
  return (await accepts(enqueueJob, { as: machine.owner, body })).job.id;
}

/** Queues a review; answers its checkpoint and its job. */
export async function aReview(machine: Machine): Promise<{ checkpointId: string; jobId: string }> {
  const { owner, ideaId } = machine;
  const queued = await accepts(queueCheckpoint, {
    as: owner,
    params: { ideaId },
    body: { contextSelection: {} },
  });
  return { checkpointId: queued.id, jobId: queued.jobId };
}

export function poll(
  machine: Machine,
  query: { claimId?: string; instance?: string; dryRun?: '1' } = {},
): Promise<ReplyOf<typeof pollJob>> {
  return accepts(pollJob, { as: machine.owner, query: { machineId: machine.machineId, ...query } });
}

/** Polls and expects a job. */
export async function claim(
  machine: Machine,
  query: { claimId?: string; instance?: string } = {},
): Promise<Held> {
  const { job, leaseId } = await poll(machine, query);
  if (job === null || leaseId === undefined) throw new Error('the poll brought no job');
  return { machine, jobId: job.id, leaseId };
}

export async function start({ machine, jobId, leaseId }: Held) {
  const { owner, machineId } = machine;
  return accepts(startJob, { as: owner, params: { jobId }, body: { machineId, leaseId } });
}

export async function beat({ machine, jobId, leaseId }: Held) {
  const { owner, machineId } = machine;
  return accepts(heartbeat, { as: owner, body: { machineId, machineName: 'workbench', jobId, leaseId } });
}

/** Uploads one numbered chunk. */
export async function log({ machine, jobId, leaseId }: Held, seq: number, text = `line ${seq}`) {
  const { owner, machineId } = machine;
  const chunks = [{ seq, stream: 'stdout' as const, text }];
  return accepts(addLogs, { as: owner, params: { jobId }, body: { machineId, leaseId, chunks } });
}

export async function complete(
  { machine, jobId, leaseId }: Held,
  result: Partial<BodyInput<typeof completeJob>> = {},
) {
  const { owner, machineId } = machine;
  const body = {
    machineId,
    leaseId,
    success: true,
    summary: 'Three gauges.',
    content: 'Three gauges.\n',
    ...result,
  };
  return accepts(completeJob, { as: owner, params: { jobId }, body });
}

/** Gives a claimed job back. */
export async function giveBack(
  { machine, jobId, leaseId }: Held,
  { reason = 'shutting_down', ...more }: Partial<BodyInput<typeof releaseJob>> = {},
) {
  const { owner, machineId } = machine;
  return accepts(releaseJob, { as: owner, params: { jobId }, body: { machineId, leaseId, reason, ...more } });
}

/** Claims and starts the next job of a machine. */
export async function claimAndStart(machine: Machine): Promise<Held> {
  const held = await claim(machine);
  await start(held);
  return held;
}

/** A prompt at work on a machine of its own. */
export async function aRunningPrompt(options: Parameters<typeof aPrompt>[1] = {}): Promise<Held> {
  const machine = await aMachine();
  await aPrompt(machine, options);
  return claimAndStart(machine);
}

export async function show(owner: Person, jobId: string): Promise<ShownJob> {
  return (await accepts(showJob, { as: owner, params: { jobId } })).job;
}
