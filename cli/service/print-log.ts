/** Prints the end of the service log, and follows it. */

import { CliError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { pause } from '../base/pause.ts';
import { readText } from '../files/json-file.ts';
import type { Context } from '../output/context.ts';
import { plainText } from '../output/plain-text.ts';
import { printDocument, printJsonLine } from '../output/print.ts';
import { LogTail } from './log-tail.ts';
import { olderLogs } from './rotating-log.ts';

interface PrintOptions {
  path: string;
  lines: number;
  follow?: boolean;
  /** Returns whether a service is installed that writes the log. */
  isInstalled(): boolean;
}

const LOOK_MS = 250;

/** Prints the last lines. With `follow`, continues until Ctrl-C or until the service is uninstalled. */
export async function printLog(
  context: Context,
  { path, lines: count, follow, isInstalled }: PrintOptions,
): Promise<void> {
  const current = readText(path);
  const tail = new LogTail(path, Buffer.byteLength(current ?? ''));
  if (current === undefined && !follow) {
    throw new CliError(`There is no log at ${path}.`, {
      code: 'no_log',
      hint: 'Only the service writes a log. To install the service, run `orp runner install`. A runner at a terminal prints its messages there.',
    });
  }
  if (current === undefined && isInstalled())
    context.warn(`There is no log at ${path} yet. Waiting for it; press Ctrl-C to exit.`);
  const lines = lastLines(path, current ?? '', count);
  if (!follow && context.json) {
    const document = { ok: true, path, lines: lines.map(entryOf) };
    printDocument(context, document);
    return;
  }
  show(context, lines);
  while (follow) {
    // Check before reading, so that everything written until then is shown.
    const isOver = !isInstalled();
    show(context, splitLines(tail.next()));
    if (isOver) throw nothingWrites();
    await pause(LOOK_MS);
  }
}

function nothingWrites(): CliError {
  return new CliError('The runner is not installed as a service, so nothing writes to its log.', {
    code: 'not_installed',
    hint: 'Run `orp runner install`. A runner at a terminal prints its messages there.',
  });
}

function show(context: Context, lines: readonly string[]): void {
  for (const line of lines) {
    if (context.json) printJsonLine(context, entryOf(line));
    else context.stdout.write(`${oneLine(plainText(line))}\n`);
  }
}

/** Each line starts with its time. */
function entryOf(line: string): { at_utc: string; text: string } {
  const [, at = '', text = line] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s.exec(line) ?? [];
  return { at_utc: at, text };
}

/** The last lines, from as many older files as needed. */
function lastLines(path: string, current: string, count: number): string[] {
  let lines = splitLines(current);
  for (const older of olderLogs(path)) {
    if (lines.length >= count) break;
    lines = [...splitLines(readText(older.path) ?? ''), ...lines];
  }
  return count === 0 ? [] : lines.slice(-count);
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
