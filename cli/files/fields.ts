/** Reads single fields of records that other programs wrote. */

import type { JsonObject } from './json-file.ts';
import { resolvePath } from './paths.ts';
import { formatTimestamp, parseTimestamp } from './timestamps.ts';

/** The first of `keys` that holds a non-blank text, trimmed. `null`, blank and other types count as absent. */
export function readString(record: JsonObject, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = record[key];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && text.trim() !== '') return text.trim();
  }
  return undefined;
}

/** JSON booleans, else the words for yes; everything else is false. */
export function readBoolean(record: JsonObject, ...keys: readonly string[]): boolean {
  for (const key of keys) {
    const value = record[key];
    if (typeof value === 'boolean') return value;
    if (value !== undefined && value !== null) {
      return ['1', 'true', 'yes', 'on'].includes(String(value).trim().toLowerCase());
    }
  }
  return false;
}

/** A timestamp in the form it is written; undefined when there is none or it is invalid. */
export function readTimestamp(record: JsonObject, ...keys: readonly string[]): string | undefined {
  const text = readString(record, ...keys);
  const at = text === undefined ? undefined : parseTimestamp(text);
  return at === undefined ? undefined : formatTimestamp(at);
}

/** An absolute path; relative ones are meant from `root`, which is also the default. */
export function readPath(record: JsonObject, root: string, keys: readonly string[]): string {
  const text = readString(record, ...keys);
  return text === undefined ? root : resolvePath(root, text);
}

/** One of a closed set, in lower case; undefined for everything else. */
export function readChoice<T extends string>(
  record: JsonObject,
  choices: readonly T[],
  ...keys: readonly string[]
): T | undefined {
  const text = readString(record, ...keys)?.toLowerCase();
  return choices.find((choice) => choice === text);
}

/** An integer, also as text. */
export function readInteger(record: JsonObject, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = record[key];
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  }
  return undefined;
}

/** Drops the keys whose value is undefined or a blank string; the order of the others stays. */
export function compact<T extends object>(record: T): T {
  const kept = Object.entries(record).filter(
    ([, value]) => value !== undefined && !(typeof value === 'string' && value.trim() === ''),
  );
  return Object.fromEntries(kept) as T;
}
