/**
 * The checks before every claim, the same for every path that claims: the agent must be able to work, and the owner's policy
 * must allow claims now. A job that is not claimed stays in the queue, where another machine may take it.
 */

import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import { CliError } from '../../base/exit.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import { type CurrentPause, describePause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Obstacle } from './obstacle.ts';

/** During a pause of the agent: clocks are set, and computers sleep. */
const CHECK_AGAIN_MS = 60_000;

export interface ClaimGateOptions {
  /** Absent: the owner allows every claim. */
  policy?: Pick<OwnerPolicy, 'reasonToWait'> | undefined;
  /** What stays in the queue, for sentences. */
  claims: 'jobs' | 'reviews';
  /** The agents of the sessions that can take work; absent: the default one. */
  agentsInUse?: (() => Promise<readonly string[]>) | undefined;
}

export class ClaimGate {
  readonly #context: Pick<WorkContext, 'agents' | 'claimPause'>;
  readonly #options: ClaimGateOptions;

  constructor(context: Pick<WorkContext, 'agents' | 'claimPause'>, options: ClaimGateOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * What forbids a claim now; undefined when nothing does.
   * @param isDry nothing will run, so no agent is needed
   */
  async check(isDry = false): Promise<Obstacle | undefined> {
    const agent = isDry ? undefined : await this.#checkAgent();
    return agent ?? this.#checkPolicy();
  }

  /** Without an agent that works, every job would be claimed only to fail. */
  async #checkAgent(): Promise<Obstacle | undefined> {
    const { claimPause } = this.#context;
    const missing = await this.#findMissing();
    claimPause.lack(missing && `${missing.message} ${missing.hint}`);
    const pause = claimPause.current;
    if (pause === undefined) return undefined;
    const error = missing
      ? new CliError(missing.message, { code: 'agent_missing', hint: missing.hint })
      : this.#pauseError(pause);
    // Without a time the program may be back at any moment.
    if (pause.until === undefined) return { message: pause.message, error, pause };
    const leftMs = Math.max(0, pause.until - Date.now()) + 1;
    return { message: describePause(pause), error, pause, pauseMs: Math.min(leftMs, CHECK_AGAIN_MS) };
  }

  /** The first agent that a session needs and that is not there. */
  async #findMissing() {
    const { agentsInUse } = this.#options;
    for (const name of (await agentsInUse?.()) ?? [DEFAULT_AGENT]) {
      const program = await (await this.#context.agents.find(name))?.findProgram();
      if (program?.kind === 'missing') return program;
    }
    return undefined;
  }

  #pauseError(pause: CurrentPause): CliError {
    const hint = `The ${this.#options.claims} stay in the queue.`;
    return new CliError(describePause(pause), { code: 'claiming_paused', hint });
  }

  #checkPolicy(): Obstacle | undefined {
    const wait = this.#options.policy?.reasonToWait();
    if (wait === undefined) return undefined;
    const hint = '`orp runner policy show` tells the rules.';
    return { ...wait, error: new CliError(wait.message, { code: 'claiming_paused', hint }) };
  }
}
