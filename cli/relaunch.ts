/**
 * npm installs a Node inside a checkout of this repository. If the machine's Node is too old, an `orp` that was built in the
 * checkout restarts itself with that Node.
 */

import { spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { takeOverInterrupts } from './base/interrupt.ts';

/** Returns the path of the Node in the checkout. Returns undefined outside a checkout, and if this process already runs on that Node. */
export function ownNode(script: string, runs = process.execPath): string | undefined {
  try {
    const checkout = dirname(dirname(realpathSync(script)));
    const node = realpathSync(join(checkout, 'node_modules', '.bin', 'node'));
    return statSync(node).isFile() && node !== realpathSync(runs) ? node : undefined;
  } catch {
    // This is not a checkout, or its packages are not installed.
    return undefined;
  }
}

/** Signals that the system or another program sends to one process. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGUSR1', 'SIGUSR2'];
/**
 * A terminal sends these signals to all its processes. If this process also forwarded them, the new process would receive each signal
 * twice.
 */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGHUP', 'SIGQUIT'];

/** Runs the same command with another Node, on the same streams. Resolves with its exit code. */
export function relaunch(node: string, script: string, argv: readonly string[]): Promise<number> {
  const isAtTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  // Listen before the new process starts, because otherwise a signal could end this process but not the new one.
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
