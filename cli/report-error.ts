/** Prints to stderr at the end of a command: the error (one sentence and a hint), and a notice if `orp` is outdated. */

import { join } from 'node:path';
import { CliError, EXIT_NEGATIVE, messageOf } from './base/exit.ts';
import { oneLine } from './base/one-line.ts';
import { hasCode, isSystemError } from './base/system-error.ts';
import { newerNotice, tooOldAdvice } from './base/version.ts';
import { readString } from './files/fields.ts';
import { readJsonObject, writeJsonFile } from './files/json-file.ts';
import { withLock } from './files/lock.ts';
import { stateFolder } from './files/paths.ts';
import { printTold, type Streams } from './output/context.ts';
import { paint, TextOutput } from './output/text-output.ts';

/** Prints the error and returns the exit code. */
export function report(error: unknown, asJson: boolean): number {
  const stderr = new TextOutput(process.stderr, process.env);
  const known = expectedError(error);
  const message = known?.message ?? `internal error: ${messageOf(error)}`;
  const own = known === undefined ? 'This is a bug. Set ORP_DEBUG=1 to show where it happened.' : known.hint;
  // The command may have failed only because this `orp` is outdated.
  const hint = [own, tooOldAdvice(process.env)].filter(Boolean).join(' ');
  if (asJson) {
    const document = { error: message, code: known?.code ?? 'internal', hint, ...known?.details };
    stderr.write(`${JSON.stringify(document)}\n`);
  } else {
    printTold(stderr, [paint('red', 'error:'), ` ${oneLine(message)}`], hint);
  }
  if (process.env.ORP_DEBUG && error instanceof Error) {
    const facts = Object.entries(known?.details ?? {}).map(([name, value]) => `${name}=${value}\n`);
    stderr.write(`${facts.join('')}${error.stack}\n`);
  }
  return known?.exitCode ?? EXIT_NEGATIVE;
}

/** The codes for a folder that cannot be written: a disk that is read-only, or missing rights. */
const UNWRITABLE = ['EROFS', 'EACCES', 'EPERM'];

/** Returns an expected error. Errors of the system are expected, because a full disk or a missing permission is not a bug. */
function expectedError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (!isSystemError(error)) return undefined;
  return new CliError(`${error.message}.`, {
    code: error.code.toLowerCase(),
    hint: hasCode(error, ...UNWRITABLE)
      ? 'Make the folder writable. To keep the files of orp elsewhere, set XDG_CONFIG_HOME and XDG_STATE_HOME.'
      : 'Check the path, its permissions and the free disk space.',
    cause: error,
  });
}

const DAY_MS = 24 * 60 * 60_000;

/**
 * Tells a person after a command that a newer `orp` exists, or that this one is too old for its server. The server of the
 * command has announced the versions; no other server is asked. `hasFailed` is true if the printed error has already said that this `orp`
 * is too old.
 */
export async function giveNotice(streams: Streams, { hasFailed }: { hasFailed: boolean }): Promise<void> {
  const { env, now } = streams;
  const stderr = new TextOutput(streams.stderr, env);
  const tooOld = tooOldAdvice(env);
  if (tooOld !== undefined) {
    if (!hasFailed) stderr.write(`warning: ${tooOld}\n`);
    return;
  }
  const notice = newerNotice(env);
  const isOff = [env.ORP_NO_UPDATE_NOTICE, env.CI].some((value) => value?.trim());
  if (notice === undefined || isOff || !streams.stderr.isTTY) return;
  if (await isFirstOfTheDay(env, now())) stderr.write(`${notice}\n`);
}

/**
 * Returns true for one process a day. If the date cannot be stored, returns false, because the notice would otherwise appear after every
 * command.
 */
async function isFirstOfTheDay(env: NodeJS.ProcessEnv, now: number): Promise<boolean> {
  const path = join(stateFolder(env), 'update-notice.json');
  try {
    return await withLock(stateFolder(env), () => {
      const last = Date.parse(readString(readJsonObject(path) ?? {}, 'noticed_at_utc') ?? '');
      if (now - last < DAY_MS && now >= last) return false;
      writeJsonFile(path, { noticed_at_utc: new Date(now).toISOString() });
      return true;
    });
  } catch {
    return false;
  }
}
