/** `orp` as a real process: the built command, which people install and which starts in half the time of its sources. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

export const MAIN = join(import.meta.dirname, '../../../dist/orp.js');
export const RECIPE_AGENT = join(import.meta.dirname, 'process/recipe-agent.mjs');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface OrpProcess {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** What it has printed so far. */
  output: { stdout: string; stderr: string };
}

/** Starts `orp <words>` in a folder. */
export function startOrp(words: readonly string[], at: { cwd: string; env: NodeJS.ProcessEnv }): OrpProcess {
  const child = spawn(process.execPath, [MAIN, ...words], { ...at, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((settle) => {
    child.on('close', (code, signal) => settle({ code, signal, ...output }));
  });
  return { child, ended, output };
}

/** Runs `orp <words>` to its end. */
export function runOrp(
  words: readonly string[],
  at: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Ended> {
  return startOrp(words, at).ended;
}
