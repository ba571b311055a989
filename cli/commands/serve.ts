/**
 * The entry point of the installed service, which is `orp runner work` with a log. If the runner is disabled, signed out or
 * not linked, the service logs the problem once and retries until a person has fixed it. If another runner of the machine
 * replaces the service, it exits; otherwise the two would replace each other forever. Only a crash exits with a code other
 * than 0, because the system restarts the service for those codes.
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

/** The pause between retries. The pause is short, because a retry only reads a few files, and the user may have just signed in. */
const AGAIN_MS = 30_000;
/** The maximum size of the crash log, to which the system only appends. */
const MAX_CRASH_LOG_BYTES = 1024 * 1024;

export interface ServeOptions {
  surroundings: Streams;
  repoRoot: string | undefined;
  /** Options of `orp runner work`. */
  words: readonly string[];
  logPath: string;
  crashLog: string;
}

/** Runs until the service is asked to stop. */
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
    if (trouble.message !== told) say(`${trouble.message} Retrying every ${AGAIN_MS / 1000} s.`);
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
    return { message: 'The runner stopped.', isFinal: false };
  } catch (error) {
    if (error instanceof CommanderError) return { message: error.message, isFinal: true };
    // The problem may go away, or a person may fix it.
    if (isSystemError(error)) return { message: `${error.message}.`, isFinal: false };
    if (!(error instanceof CliError)) throw error;
    return describeEnd(error);
  }
}

function describeEnd({ message, hint, code }: CliError): { message: string; isFinal: boolean } {
  const sentences = hint === undefined ? message : `${message} ${hint}`;
  if (code !== 'replaced') return { message: sentences, isFinal: code === 'usage' };
  return {
    message: `${sentences} Then run \`orp runner restart\` to start this service again.`,
    isFinal: true,
  };
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
    // If there is no file, there was no crash.
  }
}
