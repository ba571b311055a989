/** `orp` in this process, on a linked machine: a test can add rows to the tables of the program before it runs. */

import { Readable, Writable } from 'node:stream';
import { CliError } from '../../../cli/base/exit.ts';
import { runProgram } from '../../../cli/program.ts';
import type { LinkedMachine } from './linked-machine.ts';

/** Runs one command line with `--json`; returns its document, and its exit code. */
export async function orpInProcess(machine: LinkedMachine, words: readonly string[]) {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const world = { env: machine.env, cwd: machine.repo, stdin: Readable.from([]), stdout, stderr };
  let code: number;
  try {
    code = await runProgram([...words, '--json'], { ...world, now: Date.now });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { code: error.exitCode, document: {} as Record<string, unknown>, error };
  }
  return { code, document: JSON.parse(stdout.text) as Record<string, unknown>, error: undefined };
}

class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}
