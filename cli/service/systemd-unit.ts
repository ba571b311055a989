/** The user unit of systemd (systemd.service(5)), as text. Pure. */

import type { ServicePlan } from './service-plan.ts';

/** After this long systemd kills a runner that it has asked to leave; its spool survives that. */
const STOP_SECONDS = 90;

/**
 * Choices that are not obvious:
 * - `Restart=on-failure` without a limit: after a crash it starts again 30 s later, however often. A limit would end it for
 *   good in a bad quarter of an hour, and nobody would look.
 * - `KillMode=mixed`: only the runner is asked to leave, so that its agents can finish; what is left after it is killed.
 *   The default would send SIGTERM to the agents in the middle of their work.
 */
export function renderUnit(plan: ServicePlan): string {
  const environment = Object.entries(plan.environment).map(
    ([name, value]) => `Environment=${quote(`${name}=${value}`)}`,
  );
  return `[Unit]
Description=ORP runner: works on jobs in the linked agent sessions
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${plan.program.map((word) => quote(word).replaceAll('$', '$$$$')).join(' ')}
WorkingDirectory=${escapePercent(plan.workingFolder)}
${environment.join('\n')}
Restart=on-failure
RestartSec=30
KillMode=mixed
TimeoutStopSec=${STOP_SECONDS}
StandardOutput=null
StandardError=journal

[Install]
WantedBy=default.target
`;
}

/** In quotes always: words with spaces, and settings that begin with a sign. */
function quote(word: string): string {
  return `"${escapePercent(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** `%h` and the like would be replaced. */
function escapePercent(word: string): string {
  return word.replaceAll('%', '%%');
}
