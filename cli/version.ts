/** The version this client reports. */

import { readFileSync } from 'node:fs';

declare const ORP_BUILD_VERSION: string | undefined;

/** `ORP_VERSION`, else the version it was built as, else the one of the package it runs from. */
export function clientVersion(env: NodeJS.ProcessEnv): string {
  const asked = env.ORP_VERSION?.trim() ?? '';
  if (asked !== '') return asked;
  return typeof ORP_BUILD_VERSION === 'string' ? ORP_BUILD_VERSION : packageVersion();
}

function packageVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version);
  } catch {
    // Run from somewhere without a package: the version is not known, and nothing depends on it.
  }
  return 'unknown';
}
