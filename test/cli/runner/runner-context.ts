/** What one run of the runner works with, without its command: HTTP, files and the agent are real. */

import { signedInClient } from '../../../cli/client/client.ts';
import { httpHosted } from '../../../cli/runner/hosted/http-hosted.ts';
import { ClaimPause } from '../../../cli/runner/job/claim-pause.ts';
import type { WorkContext } from '../../../cli/runner/job/work-context.ts';
import { AgentSet } from '../../../cli/runner/start/work-parts.ts';
import type { LinkedMachine } from './linked-machine.ts';
import { RECIPE_AGENT } from './orp-process.ts';

export interface RunnerOf {
  machine: LinkedMachine;
  baseUrl: string;
  /** Each run has its own, as after a restart. */
  startTime: string;
}

/** A runner that reports nothing, or to `reporter`. */
export function runnerContext(of: RunnerOf, reporter: Partial<WorkContext['reporter']> = {}): WorkContext {
  const { env } = of.machine;
  const record = {
    schema_version: '1.0.0' as const,
    machine_id: 'mach-1',
    machine_name: 'workbench',
    platform: 'linux',
    runner_enabled: true,
  };
  const silent = () => undefined;
  return {
    env,
    machine: record,
    service: httpHosted({
      machine: record,
      instance: of.startTime,
      baseUrl: of.baseUrl,
      connect: () => signedInClient({ env, baseUrl: of.baseUrl }),
    }),
    agents: new AgentSet({ env, codex: { bin: RECIPE_AGENT } }),
    local: {
      isEnabled: async () => true,
      watchSignIn: () => () => false,
      recordBeat: async () => undefined,
      sync: async () => ({}),
    },
    claimPause: new ClaimPause(),
    reporter: { info: silent, warn: silent, ...reporter },
    secrets: [],
    heartbeatMs: 20_000,
    deliveryLimitMs: 120_000,
    self: { pid: process.pid, startTime: of.startTime },
    isDraining: () => false,
    shutdown: new AbortController().signal,
  };
}
