/**
 * The smallest agent there is, as an example of a driver: a script that prints what it was asked, and the session it was
 * asked in. It reports no events, so its output is its answer.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../../../cli/agents/agent.ts';
import { agentEnvironment } from '../../../cli/agents/agent-environment.ts';
import { makeAnswerPath } from '../../../cli/agents/answer-file.ts';
import type { AgentDriver } from '../../../cli/agents/registry.ts';

const SCRIPT = `
let prompt = '';
process.stdin.on('data', (bytes) => { prompt += bytes; });
process.stdin.on('end', () => console.log('echo ' + process.argv[2] + ': ' + prompt));
`;

/** @param folder where the script is written; removed, the agent is missing */
export function echoDriver(folder: string): AgentDriver {
  const script = join(folder, 'echo-agent.mjs');
  writeFileSync(script, SCRIPT);
  return { obeys: [], create: async ({ env }) => echoAgent(script, env) };
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
