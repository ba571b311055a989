/** Runs a command until it ends. When it must stop, it stops the command first, so that no process is left. */

import { spawn } from 'node:child_process';

/** The pause before the second signal. After the first signal `orp` finishes its job; after the second it stops the agent. */
const SECOND_SIGNAL_AFTER_MS = 300;
/** Longer than the 10 s in which `orp` lets its agent end by itself. */
const KILL_AFTER_MS = 20_000;

export interface Where {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Stops a running command. */
  signal?: AbortSignal;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command. Rejects if it cannot be started or was stopped, but accepts any exit code. */
export function runProcess([bin = '', ...args]: string[], where: Where, stdin = ''): Promise<Outcome> {
  const { signal, ...settings } = where;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(bin, args, { ...settings, stdio: ['pipe', 'pipe', 'pipe'] });
    const timers: NodeJS.Timeout[] = [];
    const stop = (): void => {
      child.kill('SIGINT');
      timers.push(setTimeout(() => child.kill('SIGINT'), SECOND_SIGNAL_AFTER_MS));
      timers.push(setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS));
    };
    signal?.addEventListener('abort', stop);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
    child.stdin.on('error', () => {
      // A command that does not read stdin may close it early. Its exit code shows the result.
    });
    child.on('error', reject);
    child.on('close', (code) => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ code, stdout, stderr });
    });
    child.stdin.end(stdin);
  });
}
