/** Whether what an order names is the sender's own. Sessions may be unknown: they can be synced later. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import { findIdea } from '../store/ideas.ts';
import { isLinked } from '../store/linked-projects.ts';
import { findMachine } from '../store/machines.ts';
import { hasWorld } from '../store/worlds.ts';

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
  // Known through a machine of the sender is enough: its records may come from an earlier server.
  if (ideaId !== undefined && (await findIdea(deps.db, userId, ideaId)) === undefined) {
    if (!(await isLinked(deps.db, userId, { ideaId }))) return missing('ideaId', 'idea', ideaId);
  }
  if (worldId !== undefined && !(await hasWorld(deps.db, userId, { worldId, ideaId }))) {
    if (!(await isLinked(deps.db, userId, { ideaId, worldId }))) return missing('worldId', 'world', worldId);
  }
  return accept(undefined);
}

function missing(field: string, noun: string, id: string) {
  return refuse('not_found', `${field}: you have no ${noun} ${id}.`, `Correct ${field}, or leave it out.`);
}
