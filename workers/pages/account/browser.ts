/** Describes the browser that a sign-in comes from. */

import type { Context } from 'hono';
import type { SignInAttempt } from '../../accounts/sign-in-limits.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { addressOf, sourceOf } from '../../http/source.ts';

/** The facts about a sign-in from a browser. `device` is the token that the browser had before. */
export function attemptOf(
  context: Context<AppEnv>,
  device: string | undefined,
): Omit<SignInAttempt, 'email'> {
  return {
    kind: 'browser',
    deviceName: browserName(context.req.header('user-agent') ?? ''),
    address: addressOf(context),
    source: sourceOf(context),
    device,
  };
}

/** The first entry that matches is used, because every browser also names the browsers that it is compatible with. */
const PROGRAMS = [
  [/\bEdgA?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const SYSTEMS = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bLinux\b/, 'Linux'],
] as const;

/** Returns a name such as `Safari on iPhone`. */
export function browserName(agent: string): string {
  const program = PROGRAMS.find(([pattern]) => pattern.test(agent))?.[1] ?? 'A browser';
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  return system === undefined ? program : `${program} on ${system}`;
}
