/**
 * The agents that this runner drives, by the name that a session gives. A new agent is a new row here, and a driver in
 * `DRIVERS` (cli/runner/start/work-parts.ts); see docs/extending.md. This file loads no driver: most commands only need names.
 */

import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import type { AgentSettings } from './agent.ts';

export interface AgentRow {
  /** The policy settings that the agent can obey. If the policy has another setting, the runner refuses the job. */
  obeys: readonly (keyof AgentSettings)[];
}

export const AGENTS = new Map<string, AgentRow>([[DEFAULT_AGENT, { obeys: ['sandbox', 'approval'] }]]);

/** Returns a policy setting that the agent cannot obey, or undefined. */
export function disobeyed(name: string | undefined, settings: AgentSettings): string | undefined {
  const obeys: readonly string[] = AGENTS.get(name ?? DEFAULT_AGENT)?.obeys ?? [];
  return Object.keys(settings).find((setting) => !obeys.includes(setting));
}
