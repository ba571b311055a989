/** Paths as the local files hold them, and where those files are. */

import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { stateFolder } from '../runner/spool/places.ts';

/** `~` and `~/…` stand for the home folder. */
export function expandHome(path: string): string {
  if (path === '~') return homedir();
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}

/** Absolute, `~` expanded, symlinks resolved as far as the path exists. */
export function resolvePath(base: string, path: string): string {
  const absolute = resolve(base, expandHome(path.trim()));
  const missing: string[] = [];
  for (let existing = absolute; ; existing = dirname(existing)) {
    const real = realPathOf(existing);
    if (real !== undefined) return join(real, ...missing);
    if (dirname(existing) === existing) return absolute;
    missing.unshift(basename(existing));
  }
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // Not there, or not readable: the caller asks for the folder above.
    return undefined;
  }
}

/** As commands print it: relative inside `root`, absolute outside. */
export function displayPath(root: string, path: string): string {
  const inside = relative(root, path);
  const isOutside = inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  return isOutside || inside === '' ? path : inside;
}

/** `~/.config/orp`, or below `XDG_CONFIG_HOME`: the files of this user on this machine. */
export function userFolder(env: NodeJS.ProcessEnv): string {
  const asked = env.XDG_CONFIG_HOME?.trim() ?? '';
  return join(asked === '' ? join(homedir(), '.config') : resolve(expandHome(asked)), 'orp');
}

/** The account, its service and its token. */
export function remoteSessionPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'remote-session.json');
}

/** The record of this computer. */
export function machinePath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'machine.json');
}

/**
 * The second copy of the machine id, away from the first one. Its name follows the configuration folder: somebody who
 * runs two machines under two folders never mixes them up.
 */
export function machineIdCopyPath(env: NodeJS.ProcessEnv): string {
  const digest = createHash('sha256').update(userFolder(env), 'utf8').digest('hex').slice(0, 12);
  return join(stateFolder(env), `machine-id-${digest}`);
}
