/** What the runner and the compatibility path are made of in the same way: sign-in, agent, policy, limits and switches. */

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
  /** Seconds to wait for the other runner; `true`: the usual time. */
  takeover?: number | true;
  verbose?: boolean;
}

/** What every driver gets; an agent that has options of its own finds them here under its name. */
export interface AgentOptions {
  env: NodeJS.ProcessEnv;
  codex?: { bin?: string | undefined; profile?: string | undefined; mode?: AgentMode | undefined };
}

/** Makes an agent, for every name of the registry. */
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

/** Makes each agent once, when it is first needed. */
export class AgentSet {
  readonly #options: AgentOptions;
  readonly #made = new Map<string, Agent>();
  onWay: (driven: DrivenWay, jobId: string) => void = () => undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Undefined: this runner does not drive it. Absent: the default one. */
  async find(name: string = DEFAULT_AGENT): Promise<Agent | undefined> {
    const agent = this.#made.get(name) ?? DRIVERS.get(name)?.(this.#options);
    if (agent !== undefined) this.#made.set(name, agent);
    return agent;
  }

  /** The runner ends. */
  async end(): Promise<void> {
    await Promise.all([...this.#made.values()].map(({ sessions }) => sessions?.end()));
  }
}

/** A person waits for `--once`; a continuous runner goes on with other work after this long. */
const DELIVERY_LIMIT_MS = 120_000;

export interface WorkParts {
  /** What does not depend on the routes of the server that are used. */
  shared: Omit<WorkContext, 'machine' | 'service' | 'local' | 'gate'>;
  policy: OwnerPolicy;
  drainSwitch: DrainSwitch;
  keepAwake: KeepAwake;
  /** While a job is at work. */
  hooks: { onBusy(): void; onIdle(): void };
  baseUrl: string;
  /** The client of the current sign-in. */
  connect(): Promise<Client>;
}

/** Requires a sign-in. */
export async function prepareParts(
  context: Context,
  options: WorkOptions,
  reporter: Reporter,
): Promise<WorkParts> {
  const { env } = context;
  const session = requireAuth(env);
  const { baseUrl } = await signedInClient(context);
  const drainSwitch = new DrainSwitch(reporter);
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
    connect: () => signedInClient({ env, baseUrl }),
  };
}
