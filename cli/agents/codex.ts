/** Codex: `codex exec resume` on a linked session, prompt on stdin, events on stdout, the answer in a private file. */

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import { messageOf } from '../exit.ts';
import { absoluteFolders } from '../folders.ts';
import type { Agent, AgentSettings, AgentTask, Preparation } from './agent.ts';
import { agentEnvironment } from './agent-environment.ts';
import { makeAnswerPath } from './answer-file.ts';
import { openCodexReader } from './codex-events.ts';
import { readFailure } from './failure-reading.ts';

export interface CodexOptions {
  /** `--codex-bin`; blank means: `CODEX_BIN`, else `codex` on the PATH. */
  bin?: string | undefined;
  /** `--codex-config-profile`; handed to Codex as `CODEX_PROFILE`. */
  profile?: string | undefined;
  env: NodeJS.ProcessEnv;
}

/** The Codex agent. */
export function codexAgent(options: CodexOptions): Agent {
  const findProgram = () => findCodex(options);
  return {
    name: 'Codex',
    findProgram,
    openReader: openCodexReader,
    readFailure,
    prepare: async (task) => {
      const program = await findProgram();
      if (program.kind === 'missing') {
        return { kind: 'unavailable', message: `${program.message} ${program.hint}` };
      }
      return prepareLaunch(program.path, task, options);
    },
  };
}

/** The arguments after the program; the session id is the only foreign word in them. */
export function codexArguments(
  sessionId: string,
  lastMessageFile: string,
  settings: AgentSettings = {},
): string[] {
  return [
    'exec',
    'resume',
    '--skip-git-repo-check',
    '--json',
    '--output-last-message',
    lastMessageFile,
    ...settingArguments(settings),
    sessionId,
    '-',
  ];
}

/** `exec resume` knows neither `--sandbox` nor `--ask-for-approval`; `-c` it knows, and it wins over every file. */
function settingArguments({ sandbox, approval }: AgentSettings): string[] {
  return [
    ...(sandbox === undefined ? [] : ['-c', `sandbox_mode="${sandbox}"`]),
    ...(approval === undefined ? [] : ['-c', `approval_policy="${approval}"`]),
  ];
}

async function prepareLaunch(path: string, task: AgentTask, options: CodexOptions): Promise<Preparation> {
  if (!AGENT_SESSION_ID_PATTERN.test(task.sessionId)) {
    return { kind: 'refused', message: `${JSON.stringify(task.sessionId)} is not a Codex session id.` };
  }
  if (!(await isDirectory(task.cwd))) {
    return { kind: 'refused', message: `The session's directory ${task.cwd} does not exist.` };
  }
  try {
    const answerPath = await makeAnswerPath(task.folder);
    const args = codexArguments(task.sessionId, answerPath, task.settings);
    const env = launchEnvironment(task, options);
    return {
      kind: 'ready',
      launch: {
        sessionId: task.sessionId,
        command: path,
        args,
        cwd: task.cwd,
        env,
        input: task.prompt,
        answerPath,
      },
    };
  } catch (error) {
    return { kind: 'refused', message: `No file for the answer could be made (${messageOf(error)}).` };
  }
}

function launchEnvironment({ cwd }: AgentTask, { env, profile }: CodexOptions): NodeJS.ProcessEnv {
  const inherited = agentEnvironment(env, cwd);
  return profile ? { ...inherited, CODEX_PROFILE: profile } : inherited;
}

async function findCodex(options: CodexOptions): ReturnType<Agent['findProgram']> {
  const asked = options.bin?.trim() || options.env.CODEX_BIN?.trim() || 'codex';
  const candidates = asked.includes(sep)
    ? [resolve(asked)]
    : absoluteFolders(options.env.PATH).map((folder) => join(folder, asked));
  for (const candidate of candidates) {
    if (await isProgram(candidate)) return { kind: 'found', path: candidate };
  }
  return {
    kind: 'missing',
    message: `Codex was not found (${asked}).`,
    hint: 'Install it, or name it with --codex-bin or CODEX_BIN.',
  };
}

async function isProgram(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
