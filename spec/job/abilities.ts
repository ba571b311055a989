/** The abilities that a runner announces: the kinds of job that it knows, and the agents that it drives. */

import { PUBLISHED_KINDS } from './kinds.ts';

/** If a list is absent, the abilities of v0.4.4 apply. */
export interface RunnerAbilities {
  kinds?: readonly string[] | undefined;
  agents?: readonly string[] | undefined;
}

/** The agent of a session that names no agent. */
export const DEFAULT_AGENT = 'codex';

/** Returns the kinds of jobs that a runner may get. */
export function kindsOf(abilities: RunnerAbilities | undefined): readonly string[] {
  return abilities?.kinds ?? PUBLISHED_KINDS;
}

/** Returns whether a runner may get a job of this kind. */
export function knowsKind(abilities: RunnerAbilities | undefined, kind: string): boolean {
  return kindsOf(abilities).includes(kind);
}

/** Returns whether a runner can drive the agent of a session. */
export function drives(abilities: RunnerAbilities | undefined, agent: string | undefined): boolean {
  return (abilities?.agents ?? [DEFAULT_AGENT]).includes(agent ?? DEFAULT_AGENT);
}
