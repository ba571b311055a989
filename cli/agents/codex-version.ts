/**
 * The version of the installed Codex, and the oldest supported version. Older ones lack `exec resume` with the prompt on stdin
 * and events on stdout. `.ci/run` tests the oldest and the newest version with real binaries.
 */

import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isOlder } from '../base/version.ts';

/** The oldest supported version. `test/codex/oldest` pins the same version. */
export const OLDEST_CODEX = '0.47.0';

/** The oldest version whose app-server listens on a unix socket and finds a prompt by its marker. */
const FIRST_WITH_SERVER = '0.154.0';

const PACKAGE = '@openai/codex';
/** Homebrew keeps each version in its own folder. */
const VERSIONED_FOLDER = /\/(?:Cellar|Caskroom)\/codex\/(\d+\.\d+\.\d+)\//;
const REPORTED = /^codex(?:-cli)?\s+v?(\d+\.\d+\.\d+\S*)/m;
/** Timeout for `--version`, which normally takes 0.1 s. */
const ASK_LIMIT_MS = 5000;

/** Returns why the version is unsupported, or undefined if it is supported or unknown. */
export function whyTooOld(version: string | undefined): string | undefined {
  if (version === undefined || !isOlder(version, OLDEST_CODEX)) return undefined;
  return `Codex ${version} is too old: orp supports ${OLDEST_CODEX} and later.`;
}

/** The version from files near the executable, without starting it, or undefined. */
export function installedVersion(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return VERSIONED_FOLDER.exec(real)?.[1] ?? packageVersion(real);
  } catch {
    return undefined;
  }
}

/** The npm package has its executable in `bin/`. */
function packageVersion(path: string): string | undefined {
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(path), '..', 'package.json'), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) return undefined;
  const { name, version } = manifest as { name?: unknown; version?: unknown };
  return name === PACKAGE && typeof version === 'string' ? version : undefined;
}

/**
 * Like {@link installedVersion}, but runs the executable if the files have no version. Only for diagnostic commands: the runner
 * starts no agent without a job.
 */
export async function askVersion(path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const known = installedVersion(path);
  if (known !== undefined) return known;
  return new Promise((resolve) => {
    const child = execFile(
      path,
      ['--version'],
      { env, timeout: ASK_LIMIT_MS, killSignal: 'SIGKILL' },
      (_, stdout) => resolve(REPORTED.exec(stdout)?.[1]),
    );
    child.stdin?.end();
  });
}

/** The version that decides whether an app-server is used. */
export async function serverVersion(path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  // Do not run a script that does not belong to the Codex package, because it may be the user's own.
  return installedVersion(path) ?? (isScript(path) ? undefined : await askVersion(path, env));
}

/** Returns why this version cannot be driven through an app-server, as part of a sentence, or undefined if it can. */
export function whyNoServer(version: string | undefined): string | undefined {
  if (version === undefined) return 'the version of this program is unknown';
  if (!isOlder(version, FIRST_WITH_SERVER)) return undefined;
  return `the app-server of Codex ${version} cannot be used; that of ${FIRST_WITH_SERVER} and later can`;
}

function isScript(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(2);
    readSync(file, start, 0, 2, 0);
    return start.toString('latin1') === '#!';
  } finally {
    closeSync(file);
  }
}
