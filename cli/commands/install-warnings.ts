/** What is said at the installation, because later nobody sits in front of the service. */

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
  /** The repository it is installed in; undefined outside of one. */
  root: string | undefined;
}

/** In the order in which they stand in the way. */
export async function installWarnings(context: Context, installed: Installed): Promise<string[]> {
  return [
    ...(await agentWarnings(installed)),
    ...(await runnerWarnings(context)),
    ...rootWarnings(installed),
    ...policyWarnings(context.env),
  ];
}

/** Looked for where the service will look, which is not everywhere a shell does. */
async function agentWarnings({ plan, options }: Installed): Promise<string[]> {
  const asked = { bin: options.codexBin, profile: options.codexConfigProfile, env: plan.environment };
  const problem = await findAgentProblem(asked);
  if (problem?.code === 'agent_too_old') {
    return [`${problem.message} Until it is updated, jobs cannot run. Run \`${problem.command}\`.`];
  }
  const found = await findCodex(asked);
  if (found.kind === 'found') return [...vanishingWarnings('Codex', found.path), ...found.remarks];
  return [
    `${found.message} Until it is there, the service claims nothing. Install it, or name it with \`orp runner install -- --all-linked --codex-bin <path>\`.`,
  ];
}

async function runnerWarnings({ env, now }: Context): Promise<string[]> {
  const { record } = await loadMachine({ env, now: now() });
  const lock = await readRunnerLock({ env, machineId: record.machine_id });
  if (lock.kind !== 'held' || lock.holder.isService) return [];
  return [
    `Runner ${lock.holder.pid}, which a person started, works here now. The service waits and begins half a minute after it has left.`,
  ];
}

function rootWarnings({ options, root }: Installed): string[] {
  if (options.allLinked || options.linkedProjectRoot.length > 0) return [];
  const where = root === undefined ? 'It has no repository to work in' : `It works in ${root} only`;
  return [`${where}; with \`--all-linked\` it works in every repository that is linked on this machine.`];
}

function policyWarnings(env: NodeJS.ProcessEnv): string[] {
  const file = readPolicyFile(env);
  if (file.kind === 'broken')
    return ['The policy file is broken: nothing is claimed. Run `orp runner policy check`.'];
  if (file.kind === 'absent' || (file.policy.confirm ?? 'never') === 'never') return [];
  return [
    `The policy wants a person to confirm jobs (confirm: ${file.policy.confirm}). A service has no terminal: such jobs are refused.`,
  ];
}
