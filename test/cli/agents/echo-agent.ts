/**
 * The smallest agent there is, as an example of a driver: a script that prints what it was asked, and the session it was
 * asked in. It reports no events, so its output is its answer.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../../../cli/agents/agent.ts';
import { agentEnvironment } from '../../../cli/agents/agent-environment.ts';
import { makeAnswerPath } from '../../../cli/agents/answer-file.ts';
import { AGENTS } from '../../../cli/agents/registry.ts';
import { DRIVERS } from '../../../cli/runner/start/work-parts.ts';

const SCRIPT = `
let prompt = '';
process.stdin.on('data', (bytes) => { prompt += bytes; });
process.stdin.on('end', () => console.log('echo ' + process.argv[2] + ': ' + prompt));
`;

/**
 * Adds the agent to the registry, with its driver.
 * @param folder where the script is written
 */
export function addEcho(folder: string): void {
  const script = join(folder, 'echo-agent.mjs');
  writeFileSync(script, SCRIPT);
  AGENTS.set('echo', { obeys: [] });
  DRIVERS.set('echo', ({ env }) => echoAgent(script, env));
}

export function removeEcho(): void {
  AGENTS.delete('echo');
  DRIVERS.delete('echo');
}

function echoAgent(script: string, env: NodeJS.ProcessEnv): Agent {
  return {
    name: 'Echo',
    findProgram: async () => ({ kind: 'found', path: process.execPath, remarks: [] }),
    prepare: async ({ sessionId, prompt, cwd, folder }) => ({
      kind: 'ready',
      launch: {
        sessionId,
        command: process.execPath,
        args: [script, sessionId],
        cwd,
        env: agentEnvironment(env, cwd),
        input: prompt,
        answerPath: await makeAnswerPath(folder),
      },
    }),
    openReader: () => ({
      turn: { sessionId: undefined, state: 'unknown', hasEvents: false, hasEffect: true },
      readLine: (text) => [{ kind: 'log', stream: 'stdout', level: 'info', text }],
    }),
    readFailure: () => undefined,
  };
}
