/** The LaunchAgent of macOS (launchd.plist(5)), as text. Pure. */

import { build } from 'plist';
import { SERVICE_LABEL } from './service-place.ts';
import type { ServicePlan } from './service-plan.ts';

/** After this long launchd kills a runner that it has asked to leave; its spool survives that. */
const EXIT_SECONDS = 90;
/** Between two starts after a crash. */
const THROTTLE_SECONDS = 30;

/**
 * Choices that are not obvious:
 * - `KeepAlive/SuccessfulExit false`: started again after a crash, not after it left in an orderly way.
 * - `AbandonProcessGroup` stays false: launchd ends what is left of the runner's own group. Agents have groups of their
 *   own and are found by the next start.
 * - `ProcessType Standard`: `Background` would slow down the agents, which inherit it.
 */
export function renderLaunchAgent(plan: ServicePlan): string {
  const definition = {
    Label: SERVICE_LABEL,
    ProgramArguments: [...plan.program],
    EnvironmentVariables: { ...plan.environment },
    WorkingDirectory: plan.workingFolder,
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: THROTTLE_SECONDS,
    ExitTimeOut: EXIT_SECONDS,
    AbandonProcessGroup: false,
    ProcessType: 'Standard',
    StandardOutPath: '/dev/null',
    StandardErrorPath: plan.crashLog,
  };
  // The offset: nothing is indented for the outermost element.
  return `${build(definition, { offset: -1 })}\n`;
}
