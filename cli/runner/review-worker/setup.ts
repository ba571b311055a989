/** The parts of the compatibility path: a runner that is no machine of the service. */

import { HEARTBEAT_MS } from '../../../spec/job/lease.ts';
import { codexAgent } from '../../agents/codex.ts';
import type { Reporter } from '../../base/reporter.ts';
import { signedInClient } from '../../client/client.ts';
import type { Context } from '../../output/context.ts';
import { loadMachine } from '../../records/machine.ts';
import { requireAuth } from '../../records/remote-session.ts';
import { ownerPolicy } from '../agent-run/policy-gate.ts';
import { ClaimPause } from '../job/claim-pause.ts';
import { DrainSwitch } from '../loop/drain-switch.ts';
import { KeepAwake } from '../process/keep-awake.ts';
import { markSelf } from '../process/process-table.ts';
import { secretValues } from '../redaction/secrets.ts';
import { agentContext } from './context.ts';
import { AgentCycle } from './cycle.ts';

export interface AgentWorkOptions {
  agent?: string;
  codexBin?: string;
  codexConfigProfile?: string;
}

/** How long one answer may keep the worker from its next review; after that it waits in the spool. */
const DELIVERY_LIMIT_MS = 120_000;

export async function prepareAgentWork(
  context: Context,
  options: AgentWorkOptions,
  reporter: Reporter,
): Promise<{ cycle: AgentCycle; drainSwitch: DrainSwitch }> {
  const { env } = context;
  const session = requireAuth(env);
  const first = await signedInClient(context);
  const connect = () => signedInClient({ env, baseUrl: first.baseUrl });
  const { record } = await loadMachine({ env, now: Date.now() });
  const drainSwitch = new DrainSwitch(reporter);
  const shared = {
    env,
    machine: record,
    agent: codexAgent({ bin: options.codexBin, profile: options.codexConfigProfile?.trim(), env }),
    claimPause: new ClaimPause(),
    reporter,
    secrets: secretValues(env, [session.token]),
    // How often a running review is asked after: somebody may have cancelled it.
    heartbeatMs: HEARTBEAT_MS,
    deliveryLimitMs: DELIVERY_LIMIT_MS,
    self: await markSelf(),
    isDraining: () => drainSwitch.draining.aborted,
    shutdown: drainSwitch.shutdown,
  };
  const keepAwake = new KeepAwake({ mode: 'ac', reporter });
  const cycle = new AgentCycle({
    context: agentContext(shared, { baseUrl: first.baseUrl, connect }),
    policy: ownerPolicy(context, drainSwitch),
    agent: options.agent?.trim() || undefined,
    onBusy: () => keepAwake.busy(),
    onIdle: () => keepAwake.idle(),
  });
  drainSwitch.jobsAtWork = () => cycle.jobsAtWork;
  return { cycle, drainSwitch };
}
