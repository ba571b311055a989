/** Runs a script of this project as a process, for tests of the printed output. */

import { spawn } from 'node:child_process';
import { projectPath } from '../../scripts/local/project-path.ts';

export interface ScriptRun {
  /** The output so far, from both streams in order of arrival. */
  output(): string;
  /** Resolves when the output contains `text`. Rejects if the script ends without printing it. */
  says(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<number | null>;
}

/** Starts `node <script> <args>` with the pinned Node. */
export function runScript(script: string, args: string[], env: NodeJS.ProcessEnv = process.env): ScriptRun {
  const child = spawn(process.execPath, [projectPath(script), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting = new Set<() => void>();
  const heard = (chunk: Buffer): void => {
    output += chunk;
    for (const look of waiting) look();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    output: () => output,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`${script} ended without saying “${text}”:\n${output}`)));
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}
