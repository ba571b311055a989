/** What a machine has linked: upserts the listed repositories, replaces the sessions within each, keeps the rest. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { SyncedSession } from '../../spec/job/routing.ts';
import type { Deps } from '../deps.ts';
import type { ProjectRow } from '../store/machines.ts';
import { dropProject, findMachine, putProject, readProjectsOf, upsertIfOwned } from '../store/machines.ts';

export interface SyncedMachine {
  machineId: string;
  machineName: string;
  platform: string;
  appVersion: string;
  /** Everything else of this machine is gone. */
  complete: boolean;
  projects: Omit<ProjectRow, 'machineId' | 'sessions'>[];
  sessions: (SyncedSession & { projectRoot: string; ideaId: string | undefined })[];
}

/** A repeated sync within this time that brings nothing new is not worth a row. */
const QUIET_MS = 10 * 60_000;

export async function syncMachine(
  deps: Deps,
  userId: UserId,
  synced: SyncedMachine,
): Promise<Result<{ changed: boolean }, 'foreign_machine'>> {
  const machine = await findMachine(deps.db, synced.machineId);
  if (machine !== undefined && machine.userId !== userId) return foreignMachine(synced.machineId);
  const before = (await deps.db.all<ProjectRow>(readProjectsOf(userId))).filter(
    (row) => row.machineId === synced.machineId,
  );

  const after = rowsOf(synced);
  const puts = after.filter((row) => !before.some((old) => isSame(old, row)));
  const listed = new Set(after.map((row) => row.projectRoot));
  const drops = before.filter(
    (old) =>
      !after.some((row) => keyOf(row) === keyOf(old)) && (synced.complete || listed.has(old.projectRoot)),
  );
  const isNews =
    machine === undefined ||
    machine.name !== synced.machineName ||
    machine.platform !== synced.platform ||
    machine.appVersion !== synced.appVersion ||
    deps.now - (machine.lastSyncAt ?? 0) >= QUIET_MS;

  if (isNews) {
    const owned = await upsertIfOwned(deps.db, {
      id: synced.machineId,
      userId,
      name: synced.machineName,
      platform: synced.platform,
      appVersion: synced.appVersion,
      now: deps.now,
      syncedAt: deps.now,
    });
    if (!owned) return foreignMachine(synced.machineId);
  }
  if (puts.length + drops.length > 0) {
    await deps.db.batch([
      ...drops.map((row) => dropProject(userId, row)),
      ...puts.map((row) => putProject(userId, row, deps.now)),
    ]);
    deps.log('machine_synced', { machineId: synced.machineId, put: puts.length, dropped: drops.length });
  }
  return accept({ changed: puts.length + drops.length > 0 });
}

/** One row a (repository, idea); a session without an idea belongs to every row of its repository. */
function rowsOf(synced: SyncedMachine): ProjectRow[] {
  const rows = new Map<string, ProjectRow>();
  for (const project of synced.projects) {
    const sessions = synced.sessions
      .filter((session) => session.projectRoot === project.projectRoot)
      .filter((session) => session.ideaId === undefined || session.ideaId === project.ideaId)
      .map(({ projectRoot: _root, ideaId: _idea, ...session }) => session);
    const row = { ...project, machineId: synced.machineId, sessions: JSON.stringify(sessions) };
    rows.set(keyOf(row), row);
  }
  return [...rows.values()];
}

function keyOf(row: Pick<ProjectRow, 'projectRoot' | 'ideaId'>): string {
  return JSON.stringify([row.projectRoot, row.ideaId]);
}

/** Times of last activity differ with every job; by themselves they change no routing worth a written row. */
function isSame(old: ProjectRow, row: ProjectRow): boolean {
  const { sessions: oldSessions, ...oldRest } = old;
  const { sessions, ...rest } = row;
  return (
    keyOf(old) === keyOf(row) &&
    JSON.stringify(sortedEntries(oldRest)) === JSON.stringify(sortedEntries(rest)) &&
    withoutTimes(oldSessions) === withoutTimes(sessions)
  );
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
