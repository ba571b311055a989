/**
 * Folders that the environment names. Only absolute ones count, as the XDG specification demands: a relative or a blank one
 * would put what is written into whatever folder a command happens to be started in, or start a program from there.
 */

import { userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { CliError } from '../base/exit.ts';

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
