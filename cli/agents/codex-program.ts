/** Finds the Codex executable and its problems: missing, too old, or without the configuration profile. */

import { constants, existsSync, readFileSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { absoluteFolders } from '../base/search-path.ts';
import { folderOf, homeOf } from '../files/paths.ts';
import type { FoundProgram } from './agent.ts';
import { agentEnvironment } from './agent-environment.ts';
import { askVersion, installedVersion, whyTooOld } from './codex-version.ts';

export interface CodexOptions {
  /** `--codex-bin`. If blank, `CODEX_BIN`, otherwise `codex` on the PATH. */
  bin?: string | undefined;
  /** `--codex-config-profile`. If blank, no profile. */
  profile?: string | undefined;
  env: NodeJS.ProcessEnv;
}

/** The command that updates a version that is too old. */
const UPDATE_COMMAND = 'npm install -g @openai/codex';
const UPDATE_HINT = `Update it, for example with \`${UPDATE_COMMAND}\`.`;

/** A sentence that says why no job can run, and the command that fixes the problem. */
export interface AgentProblem {
  code: 'agent_missing' | 'agent_too_old';
  message: string;
  command: string;
}

/** Finds the executable without starting it. */
export async function findCodex(options: CodexOptions): Promise<FoundProgram> {
  const asked = options.bin?.trim() || options.env.CODEX_BIN?.trim() || 'codex';
  const candidates = asked.includes(sep)
    ? [resolve(asked)]
    : absoluteFolders(options.env.PATH).map((folder) => join(folder, asked));
  for (const candidate of candidates) {
    if (await isProgram(candidate)) return judge(candidate, options);
  }
  return {
    kind: 'missing',
    message: `Codex was not found (${asked}).`,
    hint: 'Install it, or set its path with --codex-bin or CODEX_BIN.',
  };
}

/** Returns the problem with the installed Codex (missing or too old), or undefined. May run Codex to get its version. */
export async function findAgentProblem(options: CodexOptions): Promise<AgentProblem | undefined> {
  const found = await findCodex(options);
  if (found.kind === 'missing' && found.hint !== UPDATE_HINT) {
    return { code: 'agent_missing', message: found.message, command: UPDATE_COMMAND };
  }
  const message =
    found.kind === 'missing'
      ? found.message
      : whyTooOld(await askVersion(found.path, agentEnvironment(options.env, '/')));
  return message === undefined ? undefined : { code: 'agent_too_old', message, command: UPDATE_COMMAND };
}

function judge(path: string, options: CodexOptions): FoundProgram {
  const tooOld = whyTooOld(installedVersion(path));
  if (tooOld !== undefined) return { kind: 'missing', message: tooOld, hint: UPDATE_HINT };
  const remark = findProfileRemark(options);
  return { kind: 'found', path, remarks: remark === undefined ? [] : [remark] };
}

/** Newer versions of Codex silently ignore a missing profile. */
function findProfileRemark({ profile, env }: CodexOptions): string | undefined {
  if (!profile) return undefined;
  const home = folderOf(env, 'CODEX_HOME') ?? join(homeOf(env), '.codex');
  const file = join(home, `${profile}.config.toml`);
  if (existsSync(file) || mentionsProfile(join(home, 'config.toml'), profile)) return undefined;
  return `Codex has no configuration profile ${profile}: there is no ${file}. It may ignore the profile.`;
}

/** Returns whether the configuration file has the profile. Older versions keep all profiles in this file. */
function mentionsProfile(path: string, profile: string): boolean {
  try {
    const text = readFileSync(path, 'utf8');
    return /^\s*\[?\s*profiles\b/m.test(text) && text.includes(profile);
  } catch {
    return false;
  }
}

async function isProgram(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
