/** The LaunchAgent of macOS (launchd.plist(5)), as text. Pure. */

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
  const body = [
    entry('Label', text(SERVICE_LABEL)),
    entry('ProgramArguments', list(plan.program.map(text))),
    entry(
      'EnvironmentVariables',
      dictionary(Object.entries(plan.environment).map(([k, v]) => entry(k, text(v)))),
    ),
    entry('WorkingDirectory', text(plan.workingFolder)),
    entry('RunAtLoad', '<true/>'),
    entry('KeepAlive', dictionary([entry('SuccessfulExit', '<false/>')])),
    entry('ThrottleInterval', `<integer>${THROTTLE_SECONDS}</integer>`),
    entry('ExitTimeOut', `<integer>${EXIT_SECONDS}</integer>`),
    entry('AbandonProcessGroup', '<false/>'),
    entry('ProcessType', text('Standard')),
    entry('StandardOutPath', text('/dev/null')),
    entry('StandardErrorPath', text(plan.crashLog)),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${dictionary(body)}
</plist>
`;
}

function entry(key: string, value: string): string {
  return `<key>${escapeXml(key)}</key>\n${value}`;
}

function dictionary(entries: readonly string[]): string {
  return `<dict>\n${indent(entries.join('\n'))}\n</dict>`;
}

function list(items: readonly string[]): string {
  return `<array>\n${indent(items.join('\n'))}\n</array>`;
}

function text(value: string): string {
  return `<string>${escapeXml(value)}</string>`;
}

function indent(lines: string): string {
  return lines.replace(/^/gm, '  ');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function escapeXml(value: string): string {
  return value.replace(/[&<>]/g, (unit) => ENTITIES[unit] ?? unit);
}
