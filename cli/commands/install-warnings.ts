/**
 * The warnings that `orp runner install` shows. They are shown at the installation, because a person rarely reads the log of the service
 * later.
 */

import { findAgentProblem, findCodex } from '../agents/codex-program.ts';
import type { Context } from '../output/context.ts';
import { readPolicyFile } from '../policy/policy-file.ts';
import { loadMachine } from '../records/machine.ts';
import { readRunnerLock } from '../runner/process/runner-lock.ts';
import { type ServicePlan, vanishingWarnings } from '../service/service-plan.ts';
import type { WorkWords } from './work-words.ts';

interface Installed {
  plan: ServicePlan;
  options: WorkWords['options'];
  /** The repository in which the user runs the installation. Undefined outside a repository. */
  root: string | undefined;
}

/** Returns the warnings, the most serious first. */
export async function installWarnings(context: Context, installed: Installed): Promise<string[]> {
  return [
    ...(await agentWarnings(installed)),
    ...(await runnerWarnings(context)),
    ...rootWarnings(installed),
    ...policyWarnings(context.env),
  ];
}

/** Searches the PATH that the service will have. A shell may search more folders. */
async function agentWarnings({ plan, options }: Installed): Promise<string[]> {
  const asked = { bin: options.codexBin, profile: options.codexConfigProfile, env: plan.environment };
  const problem = await findAgentProblem(asked);
  if (problem?.code === 'agent_too_old') {
    return [`${problem.message} Jobs cannot run until you update it: \`${problem.command}\`.`];
  }
  const found = await findCodex(asked);
  if (found.kind === 'found') return [...vanishingWarnings('Codex', found.path), ...found.remarks];
  return [
    `${found.message} The service claims no jobs without it. Install it, or pass its path: \`orp runner install -- --all-linked --codex-bin <path>\`.`,
  ];
}

async function runnerWarnings({ env, now }: Context): Promise<string[]> {
  const { record } = await loadMachine({ env, now: now() });
  const lock = await readRunnerLock({ env, machineId: record.machine_id });
  if (lock.kind !== 'held' || lock.holder.isService) return [];
  return [
    `Runner ${lock.holder.pid}, started at a terminal, is working here. The service starts 30 seconds after it exits.`,
  ];
}

function rootWarnings({ options, root }: Installed): string[] {
  if (options.allLinked || options.linkedProjectRoot.length > 0) return [];
  const where =
    root === undefined ? 'The service has no repository to work in' : `The service works only in ${root}`;
  return [`${where}. Pass \`--all-linked\` to work in every repository linked on this machine.`];
}

function policyWarnings(env: NodeJS.ProcessEnv): string[] {
  const file = readPolicyFile(env);
  if (file.kind === 'broken')
    return ['The policy file is invalid: the runner claims no jobs. Run `orp runner policy check`.'];
  if (file.kind === 'absent' || (file.policy.confirm ?? 'never') === 'never') return [];
  return [
    `The policy requires a person to confirm jobs (confirm: ${file.policy.confirm}). A service has no terminal, so it refuses these jobs.`,
  ];
}
