/** The parts of the compatibility path: a runner that is no machine of the service. */

import { codexAgent } from '../agents/codex.ts';
import { signedInClient } from '../client/client.ts';
import type { Context } from '../context.ts';
import { loadMachine } from '../link/machine.ts';
import { requireAuth } from '../link/remote-session.ts';
import { AgentCycle } from './agent-cycle.ts';
import { agentService } from './agent-service.ts';
import { DrainSwitch } from './drain-switch.ts';
import { policyDesk } from './policy-gate.ts';
import { markSelf } from './process/process-table.ts';
import { secretValues } from './secrets.ts';
import type { LocalState, Talk, WorkContext } from './work-context.ts';

export interface AgentWorkOptions {
  agent?: string;
  codexBin?: string;
  codexConfigProfile?: string;
}

/** How long one answer may keep the worker from its next review; after that it waits in the spool. */
const DELIVERY_LIMIT_MS = 120_000;
/** How often a running review is asked after: somebody may have cancelled it. */
const HEARTBEAT_MS = 20_000;

export async function prepareAgentWork(
  context: Context,
  options: AgentWorkOptions,
  talk: Talk,
): Promise<{ cycle: AgentCycle; drainSwitch: DrainSwitch }> {
  const { env } = context;
  const session = requireAuth(env);
  const first = await signedInClient(context);
  const connect = () => signedInClient({ env, baseUrl: first.baseUrl });
  const { record } = await loadMachine({ env, now: Date.now() });
  const drainSwitch = new DrainSwitch(talk);
  const service = agentService({ baseUrl: first.baseUrl, connect });
  const work: WorkContext = {
    env,
    // A spool of its own: what waits there goes to other routes than the runner's.
    machine: { ...record, machine_id: `agent-work-${record.machine_id}` },
    service,
    agent: codexAgent({ bin: options.codexBin, profile: options.codexConfigProfile?.trim(), env }),
    local: NO_RECORDS,
    talk,
    secrets: secretValues(env, [session.token]),
    heartbeatMs: HEARTBEAT_MS,
    deliveryLimitMs: DELIVERY_LIMIT_MS,
    self: await markSelf(),
    isDraining: () => drainSwitch.draining.aborted,
    shutdown: drainSwitch.shutdown,
  };
  const agent = options.agent?.trim() || undefined;
  const policy = policyDesk(context, drainSwitch.draining);
  return { cycle: new AgentCycle({ context: work, service, policy, agent }), drainSwitch };
}

/** Nothing of this path is recorded with the machine or the repository. */
const NO_RECORDS: LocalState = {
  isEnabled: async () => true,
  watchSignIn: () => () => false,
  recordBeat: async () => undefined,
  sync: async () => ({}),
};
