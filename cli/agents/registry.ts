/**
 * The agents that this runner drives, by the name that a session gives. A new agent is a new row here, with its driver in a
 * file of its own (docs/extending.md). Drivers are loaded when work begins: most commands only need the names.
 */

import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import type { Agent, AgentSettings } from './agent.ts';

/** What every driver gets; an agent that has options of its own finds them here under its name. */
export interface AgentOptions {
  env: NodeJS.ProcessEnv;
  codex?: { bin?: string | undefined; profile?: string | undefined };
}

export interface AgentDriver {
  /** The settings of the owner's policy that it can obey. A job is refused rather than run without one of them. */
  obeys: readonly (keyof AgentSettings)[];
  create(options: AgentOptions): Promise<Agent>;
}

export const AGENTS = new Map<string, AgentDriver>([
  [
    DEFAULT_AGENT,
    {
      obeys: ['sandbox', 'approval'],
      create: async ({ env, codex }) => (await import('./codex.ts')).codexAgent({ ...codex, env }),
    },
  ],
]);

/** Makes each agent once, when it is first needed. */
export class AgentSet {
  readonly #options: AgentOptions;
  readonly #made = new Map<string, Promise<Agent>>();

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Undefined: this runner does not drive it. Absent: the default one. */
  async find(name: string = DEFAULT_AGENT): Promise<Agent | undefined> {
    const made = this.#made.get(name) ?? AGENTS.get(name)?.create(this.#options);
    if (made !== undefined) this.#made.set(name, made);
    return made;
  }
}

/** The setting of the owner's policy that an agent cannot obey; undefined when it obeys them all. */
export function disobeyed(name: string | undefined, settings: AgentSettings): string | undefined {
  const obeys: readonly string[] = AGENTS.get(name ?? DEFAULT_AGENT)?.obeys ?? [];
  return Object.keys(settings).find((setting) => !obeys.includes(setting));
}
