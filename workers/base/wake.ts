/** Nudges machines. A wake is a hint: a lost one costs latency, and is logged. */

import type { Route } from '../../spec/job/routing.ts';
import type { Row } from '../store/database.ts';
import type { Deps } from './deps.ts';

type ByMachine = readonly Pick<Route, 'machineId'>[];

/** Wakes every machine that appears in `routes`, each once, after the answer was sent. */
export function wakeMachines(deps: Deps, userId: string, routes: ByMachine): void {
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    deps.later(deps.machines.call({ userId, machineId }, async (stub) => stub.wake()));
  }
}

/** Wakes them now, or has them look again when the job comes due. */
export function wakeAt(
  deps: Deps,
  { userId, routes, at }: { userId: string; routes: ByMachine; at: number },
): void {
  if (at <= deps.now) {
    wakeMachines(deps, userId, routes);
    return;
  }
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    deps.later(deps.machines.call({ userId, machineId }, async (stub) => stub.lookAgainAt(at)));
  }
}

/** The rows of `readSharers`: machines for which a session has become free. */
export function sharersIn(result: { rows: readonly Row[] } | undefined): ByMachine {
  return (result?.rows ?? []).map((row) => ({ machineId: String(row.machineId) }));
}
