/**
 * Paths in local files, the locations of those files, and folders from the environment. Only absolute folders are valid, as the
 * XDG specification requires: a relative or empty one would depend on the folder in which a command starts.
 */

import { realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CliError } from '../base/exit.ts';

/** Makes a path absolute, expands `~`, and resolves symlinks as far as the path exists. */
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

/** Returns undefined if the path does not exist or is unreadable. */
export function realPathOf(path: string): string | undefined {
  try {
    // The native version also corrects capitals and accents on a Mac.
    return realpathSync.native(path);
  } catch {
    // Missing or unreadable.
    return undefined;
  }
}

/** The path for display: relative inside `root`, absolute outside. */
export function displayPath(root: string, path: string): string {
  const inside = relative(root, path);
  const isOutside = inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  return isOutside || inside === '' ? path : inside;
}

/** `~/.config/orp` or `$XDG_CONFIG_HOME/orp`: this user's files on this machine. */
export function userFolder(env: NodeJS.ProcessEnv): string {
  return join(folderOf(env, 'XDG_CONFIG_HOME') ?? join(homeOf(env), '.config'), 'orp');
}

/** The account, its server and its token. */
export function remoteSessionPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'remote-session.json');
}

/** The record of this computer. */
export function machinePath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'machine.json');
}

/** `~/.local/state/orp` or `$XDG_STATE_HOME/orp`: state that only `orp` reads. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  return join(folderOf(env, 'XDG_STATE_HOME') ?? join(homeOf(env), '.local', 'state'), 'orp');
}

/**
 * The second copy of the machine id, in another folder. Its name depends on the configuration folder, so that two machines
 * with two folders stay separate.
 */
export function machineIdCopyPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `machine-id-${fingerprint(userFolder(env))}`);
}

/** The lock that the runner of a machine holds. Each machine id has its own file. */
export function runnerLockPath(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'runner', `${fingerprint(machineId)}.json`);
}

/** The connection and the last error of that runner, in the folder of its lock. */
export function runnerLivePath(env: NodeJS.ProcessEnv, machineId: string): string {
  return join(stateFolder(env), 'runner', `${fingerprint(machineId)}-live.json`);
}

/** The list of linked repositories. Its name depends on the configuration folder. */
export function linkedRootsPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `linked-roots-${fingerprint(userFolder(env))}.json`);
}

/** The repositories with changes that the server has not heard of. Its name depends on the configuration folder. */
export function pendingSyncPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `pending-sync-${fingerprint(userFolder(env))}.json`);
}

/** FNV-1a, 64 bits: enough to distinguish a few folders, without the 13 ms for loading `node:crypto`. */
export function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}

/** Replaces the machine id on the compatibility path, where the server has no machine. */
export function agentWorkId(machineId: string): string {
  return `agent-work-${machineId}`;
}

/** The folder that a variable names, with `~/…` expanded, or undefined. */
export function folderOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim() ?? '';
  const path = expandHome(value, env);
  return isAbsolute(path) ? path : undefined;
}

/** The home folder: `HOME`, or the home folder of the user record. Throws if neither is an absolute path. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  const asked = env.HOME?.trim() ?? '';
  if (isAbsolute(asked)) return asked;
  const known = homeOfSystem();
  if (known !== undefined) return known;
  throw new CliError(
    'Your home folder is unknown: HOME is not an absolute path, and the system has none for you.',
    {
      code: 'no_home',
      hint: 'Set HOME to the absolute path of your home folder.',
    },
  );
}

function homeOfSystem(): string | undefined {
  try {
    const { homedir } = userInfo();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    // A user id without a user record, as in some containers.
    return undefined;
  }
}

/** Expands `~` and `~/…` to the home folder. */
export function expandHome(path: string, env: NodeJS.ProcessEnv = process.env): string {
  if (path === '~') return homeOf(env);
  return path.startsWith('~/') ? `${homeOf(env)}${path.slice(1)}` : path;
}

/** Variables that name a folder for `orp` or the programs that it starts. */
const FOLDER_VARIABLE = /^(?:XDG_[A-Z]+_HOME|XDG_RUNTIME_DIR|CODEX_HOME|TMPDIR|TMP|TEMP)$/;

/**
 * The environment for a program that starts in another folder. Drops variables with relative folders, expands a leading `~`,
 * and corrects a `HOME` that is not a folder.
 */
export function withAbsoluteFolders(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.keys(env).flatMap((name): [string, string | undefined][] => {
    if (!FOLDER_VARIABLE.test(name)) return [[name, env[name]]];
    const folder = folderOf(env, name);
    return folder === undefined ? [] : [[name, folder]];
  });
  const kept = Object.fromEntries(entries);
  return env.HOME === undefined ? kept : { ...kept, HOME: homeOf(env) };
}
