/** Runs a command to its end. When asked to stop it stops the command first, so that nothing is left running. */

import { spawn } from 'node:child_process';

/** `orp` finishes its job at the first signal and ends its agent at the second. */
const SECOND_SIGNAL_AFTER_MS = 300;
/** The agent of a stopping `orp` has 10 s to end by itself. */
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

/** Rejects when the command cannot be started or was stopped; any exit code is an outcome. */
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
      // A command that reads no stdin may close it first; its exit code says how it went.
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
