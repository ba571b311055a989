/** The version of this client, and how versions compare. */

import { readFileSync } from 'node:fs';

declare const ORP_BUILD_VERSION: string | undefined;

/** `ORP_VERSION`, or the version of the build, or the version of the package. */
export function clientVersion(env: NodeJS.ProcessEnv): string {
  const asked = env.ORP_VERSION?.trim() ?? '';
  if (asked !== '') return asked;
  return typeof ORP_BUILD_VERSION === 'string' ? ORP_BUILD_VERSION : packageVersion();
}

function packageVersion(): string {
  try {
    const manifest: unknown = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version);
  } catch {
    // No package file: the version is unknown, and nothing depends on it.
  }
  return 'unknown';
}

const VERSION = /^v?(\d+)\.(\d+)\.(\d+)(-[^+]+)?/;

/** Returns whether `mine` is older than `theirs`. An invalid version is older than a valid one. */
export function isOlder(mine: string, theirs: string): boolean {
  const a = VERSION.exec(mine);
  const b = VERSION.exec(theirs);
  if (b === null) return false;
  if (a === null) return true;
  for (const part of [1, 2, 3]) {
    const difference = Number(a[part]) - Number(b[part]);
    if (difference !== 0) return difference < 0;
  }
  // A release is newer than its prereleases. Two prereleases of one version count as equal.
  return a[4] !== undefined && b[4] === undefined;
}
