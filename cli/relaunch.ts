/**
 * A checkout of the repository has its own Node, installed by npm. A command that was built there restarts itself with that Node
 * if the machine's Node is too old.
 */

import { spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { takeOverInterrupts } from './base/interrupt.ts';

/** The Node of the checkout that a built command belongs to; undefined outside of one, and when it runs already. */
export function ownNode(script: string, runs = process.execPath): string | undefined {
  try {
    const checkout = dirname(dirname(realpathSync(script)));
    const node = realpathSync(join(checkout, 'node_modules', '.bin', 'node'));
    return statSync(node).isFile() && node !== realpathSync(runs) ? node : undefined;
  } catch {
    // No checkout, or its packages are not installed.
    return undefined;
  }
}

/** Signals that the system or another program sends to one process. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to all its processes. Forwarding them would count as a second signal. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGHUP', 'SIGQUIT'];

/** Runs the same command with another Node, on the same streams. Resolves with its exit code. */
export function relaunch(node: string, script: string, argv: readonly string[]): Promise<number> {
  const isAtTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  // Before the start: a signal in between would end this process but not the other one.
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  for (const signal of FROM_TERMINAL) process.on(signal, () => void (isAtTerminal || child.kill(signal)));
  takeOverInterrupts(() => undefined);
  const child = spawn(node, [script, ...argv], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
