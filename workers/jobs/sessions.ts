/**
 * Lists the sessions that can take prompts of an account, with their place and with whether a prompt could run there
 * now.
 */

import type { UserId } from '../../spec/ids.ts';
import type { PolicyVerdict } from '../../spec/job/policy-verdict.ts';
import type { JobTarget, SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import { isRouteable } from '../../spec/job/routing.ts';
import type { QueueFacts, Waiting } from '../../spec/job/waiting.ts';
import { whyWaiting } from '../../spec/job/waiting.ts';
import type { Deps } from '../base/deps.ts';
import { readLastUses } from '../store/conversations.ts';
import { rowsOf } from '../store/database.ts';
import { readSurroundings, toSurroundings } from './job-view.ts';

/** A session that can take work, on its machine. */
export interface SendableSession {
  machineId: string;
  machineName: string;
  projectRoot: string;
  orpSessionId: string;
  codexSessionId: string;
  label: string;
  lastActiveAt: number | undefined;
  /** The reason for which a prompt would wait if it were sent now. */
  waiting: Waiting;
  /** What the policy of the machine says about prompts, as the machine last reported it. */
  policy: PolicyVerdict | undefined;
}

/**
 * Lists the sessions of an account or of one idea. The most recently used session comes first. A repository that is linked
 * to two ideas appears once. Makes one round trip to D1.
 */
export async function listSessions(
  deps: Deps,
  userId: UserId,
  of: { ideaId?: string } = {},
): Promise<SendableSession[]> {
  const [uses, ...around] = await deps.db.batch([readLastUses(userId), ...readSurroundings(userId, [of])]);
  const facts = toSurroundings(around);
  const usedAt = new Map(
    rowsOf<{ codexSessionId: string; usedAt: number }>(uses).map((use) => [use.codexSessionId, use.usedAt]),
  );
  const sessions = facts.projects.flatMap((project) =>
    project.sessions
      .filter(isRouteable)
      .map((session) => sendable(session, { project, facts, usedAt, now: deps.now })),
  );
  const once = new Map(
    sessions.map((one) => [JSON.stringify([one.machineId, one.projectRoot, one.orpSessionId]), one]),
  );
  return [...once.values()].sort((one, other) => (other.lastActiveAt ?? 0) - (one.lastActiveAt ?? 0));
}

function sendable(
  session: SyncedSession & { codexSessionId: string },
  {
    project,
    facts,
    usedAt,
    now,
  }: { project: SyncedProject; facts: QueueFacts; usedAt: ReadonlyMap<string, number>; now: number },
): SendableSession {
  const { machineId, projectRoot } = project;
  const { orpSessionId, codexSessionId, label, lastActiveAt } = session;
  const target: JobTarget = { machineId, projectRoot, orpSessionId, codexSessionId, sessionFallback: 'none' };
  const machine = facts.machines.find((one) => one.machineId === machineId);
  return {
    machineId,
    machineName: machine?.name ?? machineId,
    projectRoot,
    orpSessionId,
    codexSessionId,
    label,
    lastActiveAt: latest(toTime(lastActiveAt), usedAt.get(codexSessionId)),
    policy: session.policy,
    waiting: previewOf(target, { ...facts, projects: [project] }, now),
  };
}

/** Returns why a prompt that is sent now would not run yet. */
function previewOf(target: JobTarget, facts: QueueFacts, now: number): Waiting {
  const job = { kind: 'session.prompt', status: 'queued', createdAt: now, availableAt: now, target } as const;
  return whyWaiting(job, facts, now) ?? { code: 'next_poll', message: '', since: now };
}

/** A sync that changes nothing else does not store a new time, so the newest job may be newer. */
function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

/** Converts the time of the last use. Machines report it as a number or as text. */
function toTime(at: number | string | undefined): number | undefined {
  const time = typeof at === 'string' ? Date.parse(at) : at;
  return time === undefined || Number.isNaN(time) ? undefined : time;
}
