/** Makes the agent session that the demonstration links: by Codex, or by the bundled demonstration agent. */

import { spawn } from 'node:child_process';
import { projectPath } from '../local/project-path.ts';

export interface Agent {
  /** Executable that obeys `codex exec` and `codex exec resume`. */
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

/** Starts a session with a first prompt; answers the id that the agent gave it. */
export function createAgentSession(
  agent: Agent,
  prompt: string,
  where: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['exec', '--skip-git-repo-check', '--json', '-'];
    const child = spawn(agent.bin, args, { ...where, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
    child.stdin.on('error', () => {
      // The agent ended before it read its prompt; what it said on stderr is reported below.
    });
    child.on('error', (cause) =>
      reject(new Error(`${agent.bin} could not be started: ${cause.message}`, { cause })),
    );
    child.on('close', (code) => {
      const id = threadId(stdout);
      if (code === 0 && id) resolve(id);
      else reject(new Error(`${agent.bin} ended with ${code} and made no session:\n${stderr || stdout}`));
    });
    child.stdin.end(prompt);
  });
}

function threadId(events: string): string | undefined {
  for (const line of events.split('\n').filter(Boolean)) {
    const event = JSON.parse(line) as { type?: string; thread_id?: string };
    if (event.type === 'thread.started') return event.thread_id;
  }
  return undefined;
}
