/**
 * What the installed service runs: `orp runner work`, with its talk in a log. It outlives what a person can repair: a
 * runner that is disabled, signed out or not linked yet is tried again, and told once. A runner that another one of the
 * same machine replaced stays away: it would take the machine back, and so on for ever. Only a crash ends it with
 * another code than 0, so that the system starts it again after crashes only.
 */

import { statSync, truncateSync } from 'node:fs';
import { CommanderError } from 'commander';
import { CliError } from '../base/exit.ts';
import { pause } from '../base/pause.ts';
import { isSystemError } from '../base/system-error.ts';
import { makeContext, type Streams } from '../output/context.ts';
import { runWork } from '../runner/start/run-work.ts';
import { RotatingLog } from '../service/rotating-log.ts';
import { readWorkWords } from './work-words.ts';

/** A look at a few files; soon enough for somebody who has just signed in. */
const AGAIN_MS = 30_000;
/** The system appends to it without end. */
const MAX_CRASH_LOG_BYTES = 1024 * 1024;

export interface ServeOptions {
  surroundings: Streams;
  repoRoot: string | undefined;
  /** Of `orp runner work`. */
  words: readonly string[];
  logPath: string;
  crashLog: string;
}

/** Works until it is asked to leave. */
export async function serve(options: ServeOptions): Promise<number> {
  cutLog(options.crashLog);
  const log = new RotatingLog(options.logPath);
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, leave);
  const say = (text: string) => log.write(`${text}\n`);
  let told = '';
  while (!leaving.signal.aborted) {
    const trouble = await workUntilTrouble(options, log);
    if (leaving.signal.aborted) break;
    if (trouble.isFinal) {
      say(`error: ${trouble.message}`);
      break;
    }
    if (trouble.message !== told) say(`${trouble.message} Trying again every ${AGAIN_MS / 1000} s.`);
    told = trouble.message;
    await pause(AGAIN_MS, leaving.signal);
  }
  await new Promise<void>((closed) => log.end(closed));
  return 0;
}

async function workUntilTrouble(
  options: ServeOptions,
  log: RotatingLog,
): Promise<{ message: string; isFinal: boolean }> {
  try {
    await work(options, log);
    return { message: 'The runner has left.', isFinal: false };
  } catch (error) {
    if (error instanceof CommanderError) return { message: error.message, isFinal: true };
    // It passes, or a person repairs it.
    if (isSystemError(error)) return { message: `${error.message}.`, isFinal: false };
    if (!(error instanceof CliError)) throw error;
    return describeEnd(error);
  }
}

function describeEnd({ message, hint, code }: CliError): { message: string; isFinal: boolean } {
  const sentences = hint === undefined ? message : `${message} ${hint}`;
  if (code !== 'replaced') return { message: sentences, isFinal: code === 'usage' };
  return { message: `${sentences} Then \`orp runner restart\` brings this service back.`, isFinal: true };
}

async function work({ surroundings, repoRoot, words }: ServeOptions, log: RotatingLog): Promise<void> {
  const { options } = readWorkWords(words, surroundings);
  const context = makeContext({ ...surroundings, stdout: log, stderr: log }, { ...options, repoRoot });
  await runWork(context, options);
}

function cutLog(path: string): void {
  try {
    if (statSync(path).size > MAX_CRASH_LOG_BYTES) truncateSync(path, 0);
  } catch {
    // It is not there: nothing crashed.
  }
}
