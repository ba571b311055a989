/** Shows the end of the service's log, and follows it over the turn to a new file. */

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Context } from '../context.ts';
import { CliError } from '../exit.ts';
import { readText } from '../link/json-file.ts';
import { plainText } from '../output/plain-text.ts';
import { pause } from '../runner/pause.ts';
import { olderLogs } from './rotating-log.ts';

interface PrintOptions {
  path: string;
  lines: number;
  follow?: boolean;
}

const LOOK_MS = 250;

/** Prints the last lines; with `follow` what comes after them, until Ctrl-C. */
export async function printLog(context: Context, { path, lines, follow }: PrintOptions): Promise<void> {
  const current = readText(path);
  if (current === undefined && !follow) {
    throw new CliError(`There is no log at ${path}.`, {
      code: 'no_log',
      hint: 'The service writes it: `orp runner install`. A runner at a terminal talks there.',
    });
  }
  let at = Buffer.byteLength(current ?? '');
  let file = inodeOf(path);
  context.stdout.write(plainText(lastLines(path, current ?? '', lines)));
  while (follow) {
    await pause(LOOK_MS);
    const now = inodeOf(path);
    // A new file: what the old one got last stands in its new place.
    if (now !== file) {
      if (file !== undefined) context.stdout.write(plainText(readFrom(`${path}.1`, at)));
      [file, at] = [now, 0];
    }
    const text = readFrom(path, at);
    at += Buffer.byteLength(text);
    if (text !== '') context.stdout.write(plainText(text));
  }
}

/** Goes back into older files as far as it takes. */
function lastLines(path: string, current: string, count: number): string {
  let lines = splitLines(current);
  for (const older of olderLogs(path)) {
    if (lines.length >= count) break;
    lines = [...splitLines(readText(older.path) ?? ''), ...lines];
  }
  return count === 0
    ? ''
    : lines
        .slice(-count)
        .map((line) => `${line}\n`)
        .join('');
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Whole lines only: half a character is not printed. */
function readFrom(path: string, at: number): string {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= at) return '';
  const bytes = Buffer.alloc(size - at);
  const file = openSync(path, 'r');
  try {
    const read = readSync(file, bytes, 0, bytes.length, at);
    return bytes.toString('utf8', 0, bytes.lastIndexOf(10, read - 1) + 1);
  } finally {
    closeSync(file);
  }
}
