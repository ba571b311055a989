/** Nudges machines. A wake is a hint: a lost one costs latency, and is logged. */

import type { Route } from '../../spec/job/routing.ts';
import type { Deps } from '../deps.ts';

/** Wakes every machine that appears in `routes`, each once, after the answer was sent. */
export function wakeMachines(deps: Deps, userId: string, routes: readonly Pick<Route, 'machineId'>[]): void {
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    deps.later(deps.machines.call({ userId, machineId }, async (stub) => stub.wake()));
  }
}
