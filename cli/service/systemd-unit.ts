/** The user unit of systemd (systemd.service(5)), as text. Pure. */

import type { ServicePlan } from './service-plan.ts';

/** systemd kills a runner that has not stopped after this time, in seconds. Its spool survives. */
const STOP_SECONDS = 90;

/**
 * Why these settings:
 * - `Restart=on-failure` without a limit: systemd restarts the runner 30 s after every crash. With a limit, a few bad minutes
 *   would stop it permanently without anyone noticing.
 * - `KillMode=mixed`: systemd asks only the runner to stop, so that its agents can finish, and kills the rest afterwards.
 *   The default would send SIGTERM to agents in the middle of their work.
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

/** Always quotes, for words with spaces and settings that start with a special character. */
function quote(word: string): string {
  return `"${escapePercent(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Escapes `%`, because systemd replaces specifiers such as `%h`. */
function escapePercent(word: string): string {
  return word.replaceAll('%', '%%');
}
