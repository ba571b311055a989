/** Paths as the local files hold them, and where those files are. */

import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { expandHome, folderOf, homeOf } from './folders.ts';

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

/** Undefined when the path does not exist, or cannot be read. */
export function realPathOf(path: string): string | undefined {
  try {
    // The system's own answer: on a Mac it also has the capitals and accents of the folder, however they were typed.
    return realpathSync.native(path);
  } catch {
    // Not there, or not readable.
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
  return join(folderOf(env, 'XDG_CONFIG_HOME') ?? join(homeOf(env), '.config'), 'orp');
}

/** The account, its service and its token. */
export function remoteSessionPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'remote-session.json');
}

/** The record of this computer. */
export function machinePath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'machine.json');
}

/** The folder for state that `orp` alone reads: `~/.local/state/orp`, or below `XDG_STATE_HOME`. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  return join(folderOf(env, 'XDG_STATE_HOME') ?? join(homeOf(env), '.local', 'state'), 'orp');
}

/**
 * The second copy of the machine id, away from the first one. Its name follows the configuration folder: somebody who
 * runs two machines under two folders never mixes them up.
 */
export function machineIdCopyPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `machine-id-${fingerprint(userFolder(env))}`);
}

/** Says which runner works for a machine right now; one file per machine id. */
export function runnerLockPath(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'runner', `${fingerprint(machineId)}.json`);
}

/** What that runner is connected by, and what went wrong last; beside its lock. */
export function runnerLivePath(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'runner', `${fingerprint(machineId)}-live.json`);
}

/** The repositories that this user has linked on this machine; named like the configuration folder it belongs to. */
export function linkedRootsPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `linked-roots-${fingerprint(userFolder(env))}.json`);
}

/** FNV-1a, 64 bits: tells a handful of folders apart without loading `node:crypto`, 13 ms of every start. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}

/** Stands for the machine where it is no machine of the service: on the compatibility path. */
export function agentWorkId(machineId: string): string {
  return `agent-work-${machineId}`;
}
