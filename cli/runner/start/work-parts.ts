/** The parts that the runner and the compatibility path share: sign-in, agent, policy, limits and switches. */

import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import type { Agent, DrivenWay } from '../../agents/agent.ts';
import { codexAgent } from '../../agents/codex.ts';
import type { Reporter } from '../../base/reporter.ts';
import { type Client, signedInClient } from '../../client/client.ts';
import type { CommonOptions, Context } from '../../output/context.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import { requireAuth } from '../../records/sign-in-record.ts';
import { ownerPolicy } from '../agent-run/policy-gate.ts';
import { AgentServers } from '../agent-server/agent-servers.ts';
import type { AgentMode } from '../agent-server/choose-way.ts';
import { ChannelCarrier } from '../channel/carrier.ts';
import { ClaimPause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import { DrainSwitch } from '../loop/drain-switch.ts';
import { KeepAwake, type KeepAwakeMode } from '../process/keep-awake.ts';
import { markSelf } from '../process/process-table.ts';
import { secretValues } from '../redaction/environment-secrets.ts';

/** The options of `orp runner work`. */
export interface WorkOptions extends CommonOptions {
  once?: boolean;
  continuous?: boolean;
  pollInterval: number;
  transport: 'auto' | 'poll' | 'sse' | 'ws';
  heartbeatInterval: number;
  silenceLimit: number;
  keepAwake: KeepAwakeMode;
  dryRun?: boolean;
  linkedProjectRoot: string[];
  allLinked?: boolean;
  codexBin?: string;
  codexConfigProfile?: string;
  agentMode?: AgentMode;
  maxJobs: number;
  parallelInRepo?: boolean;
  /** How many seconds to wait for the other runner; `true` means the default. */
  takeover?: number | true;
  verbose?: boolean;
}

/** The options that every driver gets. An agent with its own options finds them here under its name. */
export interface AgentOptions {
  env: NodeJS.ProcessEnv;
  codex?: { bin?: string | undefined; profile?: string | undefined; mode?: AgentMode | undefined };
}

/** The function that creates the agent, for every name of the registry. */
export const DRIVERS = new Map<string, (options: AgentOptions) => Agent>([[DEFAULT_AGENT, driveCodex]]);

function driveCodex({ env, codex }: AgentOptions): Agent {
  const { mode = 'auto', ...options } = codex ?? {};
  const agent = codexAgent({ ...options, env });
  const sessions = new AgentServers({
    env,
    mode,
    profile: options.profile,
    findProgram: () => agent.findProgram(),
  });
  return { ...agent, sessions };
}

/** Creates each agent once, when it is first needed. */
export class AgentSet {
  readonly #options: AgentOptions;
  readonly #made = new Map<string, Agent>();
  onWay: (driven: DrivenWay, jobId: string) => void = () => undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Returns the agent with this name, or undefined if this runner does not drive it. */
  async find(name: string = DEFAULT_AGENT): Promise<Agent | undefined> {
    const agent = this.#made.get(name) ?? DRIVERS.get(name)?.(this.#options);
    if (agent !== undefined) this.#made.set(name, agent);
    return agent;
  }

  /** Called when the runner exits. */
  async end(): Promise<void> {
    await Promise.all([...this.#made.values()].map(({ sessions }) => sessions?.end()));
  }
}

/** After this time, a continuous runner continues with other work. With `--once`, a person waits for the result. */
const DELIVERY_LIMIT_MS = 120_000;

export interface WorkParts {
  /** The parts of the context that do not depend on the protocol. */
  shared: Omit<WorkContext, 'machine' | 'service' | 'local' | 'gate'>;
  policy: OwnerPolicy;
  drainSwitch: DrainSwitch;
  keepAwake: KeepAwake;
  /** Called when the first job begins and when the last job has ended. */
  hooks: { onBusy(): void; onIdle(): void };
  baseUrl: string;
  /** Returns a client with the current sign-in. It sends small calls over the open channel. */
  connect(): Promise<Client>;
  carrier: ChannelCarrier;
}

/** Creates the shared parts. Throws if nobody is signed in. */
export async function prepareParts(
  context: Context,
  options: WorkOptions,
  reporter: Reporter,
): Promise<WorkParts> {
  const { env } = context;
  const session = requireAuth(env);
  const { baseUrl } = await signedInClient(context);
  const drainSwitch = new DrainSwitch(reporter);
  const carrier = new ChannelCarrier();
  const keepAwake = new KeepAwake({ mode: options.keepAwake, reporter });
  return {
    shared: {
      env,
      agents: new AgentSet({
        env,
        codex: {
          bin: options.codexBin,
          profile: options.codexConfigProfile?.trim(),
          mode: options.agentMode,
        },
      }),
      claimPause: new ClaimPause(),
      reporter,
      secrets: secretValues(env, [session.token]),
      heartbeatMs: options.heartbeatInterval * 1000,
      silenceLimitMs: options.silenceLimit * 1000,
      deliveryLimitMs: DELIVERY_LIMIT_MS,
      self: await markSelf(),
      isDraining: () => drainSwitch.draining.aborted,
      shutdown: drainSwitch.shutdown,
    },
    policy: ownerPolicy(context, drainSwitch),
    drainSwitch,
    keepAwake,
    hooks: { onBusy: () => keepAwake.busy(), onIdle: () => keepAwake.idle() },
    baseUrl,
    connect: async () => ({ ...(await signedInClient({ env, baseUrl })), carry: carrier.carry }),
    carrier,
  };
}
