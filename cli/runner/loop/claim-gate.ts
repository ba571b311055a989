/**
 * The checks before every claim: the agent must be able to work, and the owner's policy must allow claims now. All code that
 * claims jobs uses these checks. A job that is not claimed stays in the queue, where another machine may take it.
 */

import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import { CliError } from '../../base/exit.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import { type CurrentPause, describePause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Obstacle } from './obstacle.ts';

/** How often to check during a pause of the agent, because the clock may change and the computer may sleep. */
const CHECK_AGAIN_MS = 60_000;

export interface ClaimGateOptions {
  /** Decides whether the runner may claim now. If absent, it may always claim. */
  policy?: Pick<OwnerPolicy, 'reasonToWait'> | undefined;
  /** The word for the waiting work in messages. */
  claims: 'jobs' | 'reviews';
  /** Returns the agents of the sessions that can take jobs. If absent, the default agent is used. */
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
   * Returns the reason why no claim is allowed now, or undefined.
   * @param isDry if true, the agent is not checked, because nothing will run
   */
  async check(isDry = false): Promise<Obstacle | undefined> {
    const agent = isDry ? undefined : await this.#checkAgent();
    return agent ?? this.#checkPolicy();
  }

  /** Checks the agent, because without a working agent every claimed job would fail. */
  async #checkAgent(): Promise<Obstacle | undefined> {
    const { claimPause } = this.#context;
    const missing = await this.#findMissing();
    claimPause.lack(missing && `${missing.message} ${missing.hint}`);
    const pause = claimPause.current;
    if (pause === undefined) return undefined;
    const error = missing
      ? new CliError(missing.message, { code: 'agent_missing', hint: missing.hint })
      : this.#pauseError(pause);
    // Without a time, check again soon, because the program may work again at any moment.
    if (pause.until === undefined) return { message: pause.message, error, pause };
    const leftMs = Math.max(0, pause.until - Date.now()) + 1;
    return { message: describePause(pause), error, pause, pauseMs: Math.min(leftMs, CHECK_AGAIN_MS) };
  }

  /** Returns the first missing agent that a session needs. */
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
    const hint = '`orp runner policy show` lists the rules.';
    const { code, message, isWanted, until } = wait;
    const error = new CliError(message, { code: 'claiming_paused', hint });
    return { message, isWanted, error, pause: { code, message, until } };
  }
}
