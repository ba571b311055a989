/**
 * Paths as the local files hold them, where those files are, and the folders that the environment names. Of these only absolute
 * ones count, as the XDG specification demands: a relative or blank one would put files into the folder that a command happens
 * to start in, or start a program from there.
 */

import { realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CliError } from '../base/exit.ts';

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

/** The folder that a variable names; undefined when it names none. `~/…` is written out first. */
export function folderOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim() ?? '';
  const path = expandHome(value, env);
  return isAbsolute(path) ? path : undefined;
}

/** The home folder: `HOME`, else what the system knows of this user. Throws when neither is an absolute path. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  const asked = env.HOME?.trim() ?? '';
  if (isAbsolute(asked)) return asked;
  const known = homeOfSystem();
  if (known !== undefined) return known;
  throw new CliError(
    'Your home folder is not known: HOME is not an absolute path, and the system names none.',
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
    // A user id without an entry, as in some containers.
    return undefined;
  }
}

/** `~` and `~/…` stand for the home folder. */
export function expandHome(path: string, env: NodeJS.ProcessEnv = process.env): string {
  if (path === '~') return homeOf(env);
  return path.startsWith('~/') ? `${homeOf(env)}${path.slice(1)}` : path;
}

/** Variables that name one folder each, ours and those of the programs that `orp` starts. */
const FOLDER_VARIABLE = /^(?:XDG_[A-Z]+_HOME|XDG_RUNTIME_DIR|CODEX_HOME|TMPDIR|TMP|TEMP)$/;

/**
 * The environment for another program, which starts in another folder: what names a folder only from here is left out, a
 * leading `~` is written out, and a `HOME` that names no folder is put right.
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
