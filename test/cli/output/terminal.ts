/** A terminal of its own for a command, which can be closed like a window. */

import { spawn } from 'node:child_process';

export interface OwnTerminal {
  /** What stands on it, with everything that steers it. */
  output: string;
  /** Types, as on its keyboard; `\x03` is Ctrl-C, `\x04` Ctrl-D. */
  type(keys: string): void;
  /** Closes it, as if its window were closed. */
  close(): void;
  ended: Promise<void>;
}

/** Runs a command in a new terminal, by `script`, which every system has. */
export function openTerminal(
  command: readonly string[],
  at: { cwd: string; env: NodeJS.ProcessEnv },
): OwnTerminal {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const words =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', '/bin/sh', '-c', quoted]
      : ['-qfc', quoted, '/dev/null'];
  const env = { ...at.env, TERM: 'xterm' };
  const child = spawn('script', words, { cwd: at.cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const terminal: OwnTerminal = {
    output: '',
    type: (keys) => void child.stdin.write(keys),
    close: () => void child.kill('SIGKILL'),
    ended: new Promise((settle) => {
      child.on('close', () => settle());
    }),
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    terminal.output += text;
  });
  return terminal;
}
