/**
 * `orp` in the process of the test, which takes a tenth of the processor time of a process of its own. It is for what a test
 * prepares and looks up. What a test is about runs as a process: `scripts/local/orp-command.ts`.
 */

import { Readable, Writable } from 'node:stream';
import { CliError } from '../../cli/base/exit.ts';
import { runProgram } from '../../cli/program.ts';
import type { Where } from '../../scripts/local/run-process.ts';

/** Runs a command with `--json` that must succeed. Returns its document. */
export async function orpInside<Document>(where: Where, args: string[], stdin = ''): Promise<Document> {
  if (args[0] === 'runner' && args[1] === 'work') throw new Error('A runner is a process of its own.');
  const stdout = new Collector();
  const stderr = new Collector();
  let code: number;
  try {
    code = await runProgram([...args, '--json'], {
      env: where.env,
      cwd: where.cwd,
      stdin: Object.assign(Readable.from([Buffer.from(stdin)]), { isTTY: false }),
      stdout: Object.assign(stdout, { isTTY: false }),
      stderr: Object.assign(stderr, { isTTY: false }),
      now: Date.now,
    });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new Error(`orp ${args.join(' ')} ended with ${error.exitCode}: ${error.message}`);
  }
  if (code !== 0) throw new Error(`orp ${args.join(' ')} ended with ${code}:\n${stderr.text}${stdout.text}`);
  return JSON.parse(stdout.text) as Document;
}

class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}
