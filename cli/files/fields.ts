/** Reads single fields from records of other programs. */

import type { JsonObject } from './json-file.ts';
import { resolvePath } from './paths.ts';
import { formatTimestamp, parseTimestamp } from './timestamps.ts';

/** The first of `keys` with a non-blank text, trimmed. Ignores `null`, blank text and other types. */
export function readString(record: JsonObject, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = record[key];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && text.trim() !== '') return text.trim();
  }
  return undefined;
}

/** JSON booleans, or words for yes. Anything else is false. */
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

/** Returns a timestamp in normalized form, or undefined if it is absent or invalid. */
export function readTimestamp(record: JsonObject, ...keys: readonly string[]): string | undefined {
  const text = readString(record, ...keys);
  const at = text === undefined ? undefined : parseTimestamp(text);
  return at === undefined ? undefined : formatTimestamp(at);
}

/** An absolute path. Relative paths start at `root`, which is also the default. */
export function readPath(record: JsonObject, root: string, keys: readonly string[]): string {
  const text = readString(record, ...keys);
  return text === undefined ? root : resolvePath(root, text);
}

/** Returns the value in lower case if it is one of these words, or else undefined. */
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

/** Drops keys with undefined or blank values. Keeps the order of the others. */
export function compact<T extends object>(record: T): T {
  const kept = Object.entries(record).filter(
    ([, value]) => value !== undefined && !(typeof value === 'string' && value.trim() === ''),
  );
  return Object.fromEntries(kept) as T;
}
