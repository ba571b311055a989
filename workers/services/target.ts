/** Whether what an order names is the sender's own. Sessions may be unknown: they can be synced later. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { SyncedProject } from '../../spec/job/routing.ts';
import type { Deps } from '../deps.ts';
import { findIdea } from '../store/ideas.ts';
import { findMachine } from '../store/machines.ts';
import { hasWorld } from '../store/worlds.ts';
import { surroundingsOf } from './job-view.ts';

export interface NamedTarget {
  machineId?: string | undefined;
  ideaId?: string | undefined;
  worldId?: string | undefined;
}

export async function checkTarget(
  deps: Deps,
  userId: UserId,
  named: NamedTarget,
): Promise<Result<undefined, 'not_found'>> {
  const { machineId, ideaId, worldId } = named;
  if (machineId !== undefined) {
    const machine = await findMachine(deps.db, machineId);
    if (machine?.userId !== userId) return missing('machineId', 'machine', machineId);
  }
  if (ideaId !== undefined && (await findIdea(deps.db, userId, ideaId)) === undefined) {
    if (!(await isLinked(deps, userId, (project) => project.ideaId === ideaId))) {
      return missing('ideaId', 'idea', ideaId);
    }
  }
  if (worldId !== undefined && !(await hasWorld(deps.db, userId, { worldId, ideaId }))) {
    const isSame = (project: SyncedProject) =>
      project.worldId === worldId && (ideaId === undefined || project.ideaId === ideaId);
    if (!(await isLinked(deps, userId, isSame))) return missing('worldId', 'world', worldId);
  }
  return accept(undefined);
}

/** Known through a machine of the sender: its records may come from an earlier service. */
async function isLinked(
  deps: Deps,
  userId: UserId,
  isMeant: (project: SyncedProject) => boolean,
): Promise<boolean> {
  return (await surroundingsOf(deps, userId)).projects.some(isMeant);
}

function missing(field: string, noun: string, id: string) {
  return refuse('not_found', `${field}: you have no ${noun} ${id}.`, `Correct ${field}, or leave it out.`);
}
