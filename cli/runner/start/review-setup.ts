/** Sets up the compatibility path, whose worker is not registered as a machine. */

import type { Reporter } from '../../base/reporter.ts';
import type { Context } from '../../output/context.ts';
import { loadMachine } from '../../records/machine.ts';
import type { DrainSwitch } from '../loop/drain-switch.ts';
import { agentContext } from '../review-worker/context.ts';
import { AgentCycle } from '../review-worker/cycle.ts';
import { prepareParts, type WorkOptions } from './work-parts.ts';

export interface ReviewOptions extends WorkOptions {
  /** The selector of `--agent`. If absent, any review matches. */
  agent?: string | undefined;
}

export async function prepareReviews(
  context: Context,
  options: ReviewOptions,
  reporter: Reporter,
): Promise<{ cycle: AgentCycle; drainSwitch: DrainSwitch }> {
  // Without a lease, no marker can distinguish two attempts, so each review runs in its own process.
  const parts = await prepareParts(context, { ...options, agentMode: 'exec' }, reporter);
  const { shared, policy, drainSwitch, hooks, baseUrl, connect } = parts;
  const { record: machine } = await loadMachine({ env: context.env, now: Date.now() });
  const cycle = new AgentCycle({
    context: agentContext({ ...shared, machine }, { baseUrl, connect }),
    policy,
    agent: options.agent?.trim() || undefined,
    ...hooks,
  });
  drainSwitch.jobsAtWork = () => cycle.jobsAtWork;
  return { cycle, drainSwitch };
}
