/**
 * Stores the linked repositories of a machine: it upserts the listed repositories, replaces their sessions, and keeps all
 * others.
 */

import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { SyncedSession } from '../../spec/job/routing.ts';
import { limitReached, limitsOf } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import { rowsOf } from '../store/database.ts';
import type { ProjectRow, SessionsRow } from '../store/linked-projects.ts';
import {
  dropProjects,
  dropSessions,
  putProjects,
  putSessions,
  readLinkedElsewhere,
  readLinks,
} from '../store/linked-projects.ts';
import { findMachine, upsertIfAllowed } from '../store/machines.ts';

export interface SyncedMachine {
  machineId: string;
  machineName: string;
  platform: string;
  appVersion: string;
  /** True if the list is complete. All other repositories of this machine are then removed. */
  complete: boolean;
  /** The list is complete for these repositories. */
  completeRoots: ReadonlySet<string>;
  projects: Omit<ProjectRow, 'machineId'>[];
  sessions: (SyncedSession & { projectRoot: string })[];
}

/** A sync without changes writes no row within this time. */
const QUIET_MS = 10 * 60_000;

type Refused = 'foreign_machine' | 'body_too_large' | 'limit_reached';

export async function syncMachine(
  deps: Deps,
  userId: UserId,
  synced: SyncedMachine,
): Promise<Result<{ changed: boolean }, Refused>> {
  const { machineId } = synced;
  const machine = await findMachine(deps.db, machineId);
  if (machine !== undefined && machine.userId !== userId) return foreignMachine(machineId);
  const [projects, sessions] = await deps.db.batch(readLinks(userId, { machineIds: [machineId] }));
  const before = { projects: rowsOf<ProjectRow>(projects), sessions: rowsOf<SessionsRow>(sessions) };
  const change = changeOf(before, synced);
  const fits = await checkBounds(deps, userId, { machineId, change });
  if (!fits.ok) return fits;

  const isNews =
    machine === undefined ||
    machine.name !== synced.machineName ||
    machine.platform !== synced.platform ||
    machine.appVersion !== synced.appVersion ||
    deps.now - (machine.lastSyncAt ?? 0) >= QUIET_MS;
  if (isNews) {
    const registered = await registerMachine(deps, userId, { synced, isNew: machine === undefined });
    if (!registered.ok) return registered;
  }
  const writes = [
    ...dropProjects(userId, change.drops, deps.now),
    ...putProjects(userId, change.puts, deps.now),
    ...dropSessions(userId, change.sessionDrops, deps.now),
    ...putSessions(userId, change.sessionPuts, deps.now),
  ];
  if (writes.length > 0) {
    await deps.db.batch(writes);
    deps.log('machine_synced', { machineId, put: change.puts.length, dropped: change.drops.length });
  }
  return accept({ changed: writes.length > 0 });
}

async function registerMachine(
  deps: Deps,
  userId: UserId,
  { synced, isNew }: { synced: SyncedMachine; isNew: boolean },
): Promise<Result<undefined, 'foreign_machine' | 'limit_reached'>> {
  const limits = isNew ? await limitsOf(deps, userId) : deps.settings.accountLimits;
  const isRegistered = await upsertIfAllowed(deps.db, {
    id: synced.machineId,
    userId,
    name: synced.machineName,
    platform: synced.platform,
    appVersion: synced.appVersion,
    now: deps.now,
    limit: limits.machines,
  });
  if (isRegistered) return accept(undefined);
  const owner = await findMachine(deps.db, synced.machineId);
  return owner === undefined
    ? limitReached(deps, { userId, limit: 'machines', limits })
    : foreignMachine(synced.machineId);
}

/** The writes of a sync, and the linked repositories after it. */
interface Change {
  puts: ProjectRow[];
  drops: ProjectRow[];
  sessionPuts: SessionsRow[];
  sessionDrops: SessionsRow[];
  projectsAfter: ProjectRow[];
  sessionsAfter: SessionsRow[];
}

function changeOf(
  before: { projects: readonly ProjectRow[]; sessions: readonly SessionsRow[] },
  synced: SyncedMachine,
): Change {
  const listed = projectRowsOf(synced);
  const old = new Map(before.projects.map((row) => [keyOf(row), row]));
  const isComplete = (root: string) => synced.complete || synced.completeRoots.has(root);
  const drops = before.projects.filter(
    (row) =>
      !listed.byKey.has(keyOf(row)) && (isComplete(row.projectRoot) || listed.roots.has(row.projectRoot)),
  );
  const projectsAfter = new Map([...old, ...listed.byKey]);
  for (const row of drops) projectsAfter.delete(keyOf(row));
  const sessionRows = sessionRowsOf(synced, listed.roots);
  const oldSessions = new Map(before.sessions.map((row) => [row.projectRoot, row]));
  const unlisted = before.sessions.filter((row) => !listed.roots.has(row.projectRoot));
  const sessionDrops = unlisted.filter((row) => isComplete(row.projectRoot));
  const kept = unlisted.filter((row) => !isComplete(row.projectRoot));
  return {
    puts: [...listed.byKey.values()].filter((row) => !isSameProject(old.get(keyOf(row)), row)),
    drops,
    sessionPuts: sessionRows.filter((row) => !isSameList(oldSessions.get(row.projectRoot), row)),
    sessionDrops,
    projectsAfter: [...projectsAfter.values()],
    sessionsAfter: [...kept, ...sessionRows],
  };
}

/** One row per repository and idea. */
function projectRowsOf({ machineId, projects }: SyncedMachine) {
  const rows = projects.map((project) => ({ ...project, machineId }));
  return {
    byKey: new Map(rows.map((row) => [keyOf(row), row])),
    roots: new Set(rows.map((row) => row.projectRoot)),
  };
}

/** One row per repository; sessions of a repository that is not listed are not stored. */
function sessionRowsOf({ machineId, sessions }: SyncedMachine, roots: ReadonlySet<string>): SessionsRow[] {
  const byRoot = new Map<string, SyncedSession[]>([...roots].map((root) => [root, []]));
  for (const { projectRoot, ...session } of sessions) byRoot.get(projectRoot)?.push(session);
  return [...byRoot].map(([projectRoot, list]) => ({
    machineId,
    projectRoot,
    sessions: JSON.stringify(list),
  }));
}

/** Refuses what exceeds the bounds of a machine or the account, before anything is written. */
async function checkBounds(
  deps: Deps,
  userId: UserId,
  { machineId, change }: { machineId: string; change: Change },
): Promise<Result<undefined, 'body_too_large' | 'limit_reached'>> {
  if (change.puts.length === 0 && change.sessionPuts.length === 0) return accept(undefined);
  if (change.projectsAfter.length > BOUNDS.machineProjects) {
    return refuse(
      'body_too_large',
      `linkedProjects: a machine may have at most ${BOUNDS.machineProjects} linked repositories.`,
      'Unlink some with orp link project unbind, then sync again.',
    );
  }
  let machineBytes = change.projectsAfter.reduce((sum, row) => sum + bytesOf(row), 0);
  for (const { projectRoot, sessions } of change.sessionsAfter) {
    const bytes = utf8Length(sessions);
    machineBytes += bytes;
    if (bytes > BOUNDS.repositorySessionsBytes) {
      return tooManySessions(`The sessions of ${projectRoot}`, BOUNDS.repositorySessionsBytes);
    }
  }
  if (machineBytes > BOUNDS.machineLinkedBytes) {
    return tooManySessions(
      'The linked repositories of a machine and their sessions',
      BOUNDS.machineLinkedBytes,
    );
  }
  const limits = await limitsOf(deps, userId);
  const elsewhere = await deps.db.first<{ projects: number; bytes: number }>(
    readLinkedElsewhere(userId, machineId),
  );
  if ((elsewhere?.projects ?? 0) + change.projectsAfter.length > limits.linkedProjects) {
    return limitReached(deps, { userId, limit: 'linkedProjects', limits });
  }
  if ((elsewhere?.bytes ?? 0) + machineBytes > limits.linkedBytes) {
    return limitReached(deps, { userId, limit: 'linkedBytes', limits });
  }
  return accept(undefined);
}

function tooManySessions(what: string, limit: number) {
  return refuse(
    'body_too_large',
    `sessions: ${what} may have at most ${limit} bytes.`,
    'Archive sessions you no longer use with orp link session archive, then sync again.',
  );
}

/** Counts the bytes of a row in the same way as `readLinkedElsewhere`. */
function bytesOf({ machineId: _key, ...texts }: ProjectRow): number {
  return Object.values(texts).reduce((sum, text) => sum + utf8Length(text ?? ''), 0);
}

function keyOf(row: Pick<ProjectRow, 'projectRoot' | 'ideaId'>): string {
  return JSON.stringify([row.projectRoot, row.ideaId]);
}

function isSameProject(old: ProjectRow | undefined, row: ProjectRow): boolean {
  return old !== undefined && JSON.stringify(sortedEntries(old)) === JSON.stringify(sortedEntries(row));
}

/**
 * Returns whether two lists are equal except for the last activity. That changes with every job but does not affect
 * routing.
 */
function isSameList(old: SessionsRow | undefined, row: SessionsRow): boolean {
  return old !== undefined && withoutTimes(old.sessions) === withoutTimes(row.sessions);
}

function sortedEntries(row: object): [string, unknown][] {
  return Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
}

function withoutTimes(sessions: string): string {
  return JSON.stringify(
    (JSON.parse(sessions) as SyncedSession[]).map(({ lastActiveAt: _time, ...session }) => session),
  );
}

export function foreignMachine(machineId: string) {
  return refuse(
    'foreign_machine',
    `Machine ${machineId} belongs to another account.`,
    'Sign in with the account that linked it first.',
  );
}
