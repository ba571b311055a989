/** The LaunchAgent of macOS (launchd.plist(5)), as text. Pure. */

import { build } from 'plist';
import { SERVICE_LABEL } from './service-place.ts';
import type { ServicePlan } from './service-plan.ts';

/** launchd kills a runner that has not stopped after this time, in seconds. Its spool survives. */
const EXIT_SECONDS = 90;
/** Pause before a restart after a crash, in seconds. */
const THROTTLE_SECONDS = 30;

/**
 * Why these settings:
 * - `KeepAlive/SuccessfulExit false`: launchd restarts the runner after a crash, but not after an orderly exit.
 * - `AbandonProcessGroup` stays false: launchd ends the rest of the runner's process group. Agents have their own groups, and
 *   the next start finds them.
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
  // The offset keeps the outermost element unindented.
  return `${build(definition, { offset: -1 })}\n`;
}
