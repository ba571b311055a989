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

/** The versions that a server has announced to this process. */
export interface HeardVersions {
  origin: string;
  newest: string | undefined;
  oldest: string | undefined;
}

let heard: HeardVersions | undefined;

/** Keeps what a server announced, for the end of the command. */
export function hearVersions(versions: HeardVersions | undefined): void {
  heard = versions;
}

export function heardVersions(): HeardVersions | undefined {
  return heard;
}

/** The command that installs the newest version. */
const UPDATE = 'npm install --global orp-runner@latest';

/** What to do if this client is older than the oldest version that its server supports. */
export function tooOldAdvice(env: NodeJS.ProcessEnv): string | undefined {
  const mine = clientVersion(env);
  if (heard?.oldest === undefined || !isOlder(mine, heard.oldest)) return undefined;
  return `This orp (${mine}) is older than the oldest version that ${heard.origin} supports (${heard.oldest}). Update it: ${UPDATE}`;
}

/** The notice about a newer version, if there is one. */
export function newerNotice(env: NodeJS.ProcessEnv): string | undefined {
  const mine = clientVersion(env);
  if (heard?.newest === undefined || !isOlder(mine, heard.newest)) return undefined;
  return `orp ${heard.newest} is available; this is ${mine}. Update it: ${UPDATE}\nSet ORP_NO_UPDATE_NOTICE=1 to hide this notice.`;
}
