/** The LaunchAgent of macOS (launchd.plist(5)), as text. Pure. */

import { usageError } from '../base/exit.ts';
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
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${element(definition, '')}
</plist>
`;
}

type Plist = string | number | boolean | readonly string[] | { readonly [key: string]: Plist };

/** One value as XML. Only the kinds of values that a LaunchAgent needs. */
function element(value: Plist, indent: string): string {
  const below = `${indent}  `;
  if (typeof value === 'string') return `${indent}<string>${xmlText(value)}</string>`;
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`;
  if (typeof value === 'boolean') return `${indent}<${value}/>`;
  const isList = Array.isArray(value);
  const inner = isList
    ? value.map((item: string) => element(item, below))
    : Object.entries(value).map(
        ([key, item]) => `${below}<key>${xmlText(key)}</key>\n${element(item, below)}`,
      );
  const tag = isList ? 'array' : 'dict';
  if (inner.length === 0) return `${indent}<${tag}/>`;
  return `${indent}<${tag}>\n${inner.join('\n')}\n${indent}</${tag}>`;
}

/** The characters that XML 1.0 cannot contain, not even escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the forbidden ones.
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/u;

function xmlText(text: string): string {
  if (FORBIDDEN.test(text)) {
    throw usageError(
      `The service cannot be described, because ${JSON.stringify(text)} has a character that a LaunchAgent cannot contain.`,
      'Remove it from the path, the option or the variable of the environment.',
    );
  }
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped.replaceAll('\r', '&#xD;');
}
