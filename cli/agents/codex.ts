/** Codex: `codex exec resume` on a linked session, prompt on stdin, events on stdout, the answer in a private file. */

import { stat } from 'node:fs/promises';
import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import { messageOf } from '../base/exit.ts';
import type { Agent, AgentSettings, AgentTask, Preparation } from './agent.ts';
import { agentEnvironment } from './agent-environment.ts';
import { makeAnswerPath } from './answer-file.ts';
import { openCodexReader } from './codex-events.ts';
import { type CodexOptions, findCodex } from './codex-program.ts';
import { readFailure } from './failure-reading.ts';

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

export interface ArgumentFacts {
  sessionId: string;
  lastMessageFile: string;
  settings?: AgentSettings | undefined;
  /** Configuration profile of the machine's owner. */
  profile?: string | undefined;
}

/**
 * The arguments for the executable. Only the session id comes from outside. Options come before `resume`, because versions before
 * 0.98 reject them after it.
 */
export function codexArguments({ sessionId, lastMessageFile, settings, profile }: ArgumentFacts): string[] {
  return [
    'exec',
    '--skip-git-repo-check',
    '--json',
    '--output-last-message',
    lastMessageFile,
    // Pass it as one argument, so that a name with a leading dash is not read as an option.
    ...(profile ? [`--profile=${profile}`] : []),
    ...settingArguments(settings ?? {}),
    'resume',
    sessionId,
    '-',
  ];
}

/** `exec resume` has no `--sandbox` and `--ask-for-approval`, but `-c`, which overrides all configuration files. */
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
    const { sessionId, settings } = task;
    const { profile } = options;
    const args = codexArguments({ sessionId, lastMessageFile: answerPath, settings, profile });
    const env = launchEnvironment(task, options);
    return {
      kind: 'ready',
      launch: {
        sessionId,
        command: path,
        args,
        cwd: task.cwd,
        env,
        input: task.prompt,
        answerPath,
      },
    };
  } catch (error) {
    return { kind: 'refused', message: `Could not create a file for the answer (${messageOf(error)}).` };
  }
}

function launchEnvironment({ cwd }: AgentTask, { env, profile }: CodexOptions): NodeJS.ProcessEnv {
  const inherited = agentEnvironment(env, cwd);
  return profile ? { ...inherited, CODEX_PROFILE: profile } : inherited;
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
