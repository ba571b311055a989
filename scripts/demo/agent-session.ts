/** Creates the agent session that the demonstration links, with Codex or with the bundled demonstration agent. */

import { projectPath } from '../local/project-path.ts';
import { runProcess, type Where } from '../local/run-process.ts';

export interface Agent {
  /** An executable that supports `codex exec` and `codex exec resume`. */
  bin: string;
  title: string;
}

export function chooseAgent(isCodexWanted: boolean): Agent {
  return isCodexWanted
    ? { bin: process.env.CODEX_BIN ?? 'codex', title: 'Codex' }
    : {
        bin: projectPath('scripts/demo/agent.mjs'),
        title: 'the bundled demonstration agent (no language model)',
      };
}

/** Starts a session with a first prompt. Returns the session id of the agent. */
export async function createAgentSession(agent: Agent, prompt: string, where: Where): Promise<string> {
  const command = [agent.bin, 'exec', '--skip-git-repo-check', '--json', '-'];
  const outcome = await runProcess(command, where, prompt).catch((cause: Error) => {
    where.signal?.throwIfAborted();
    throw new Error(`${agent.bin} could not be started: ${cause.message}`, { cause });
  });
  const id = threadId(outcome.stdout);
  if (outcome.code === 0 && id) return id;
  throw new Error(
    `${agent.bin} ended with ${outcome.code} and made no session:\n${outcome.stderr || outcome.stdout}`,
  );
}

function threadId(events: string): string | undefined {
  for (const line of events.split('\n').filter(Boolean)) {
    const event = JSON.parse(line) as { type?: string; thread_id?: string };
    if (event.type === 'thread.started') return event.thread_id;
  }
  return undefined;
}
