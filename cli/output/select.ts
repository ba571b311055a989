/** `--fields`: a part of the JSON document of a command. */

import { usageError } from '../base/exit.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';

/** Turns a document into the text to print. */
export type Shape = (document: unknown) => string;

/**
 * Reads the names before the command does anything.
 *
 * @param fields names separated by commas. `job.id` selects the field `id` of `job`. If `job` is a list, it selects this
 * field of each entry.
 */
export function makeShape(fields: string): Shape {
  const names = fields.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw usageError(
      '--fields has a blank name.',
      'Separate the names by single commas, such as --fields ok,jobs.id.',
    );
  }
  return (document) => `${JSON.stringify(selectFields(document, names), null, 2)}\n`;
}

/** Selects fields and keeps the structure of the document. For example, `jobs.id` gives a list of objects with one field. */
function selectFields(document: unknown, names: readonly string[]): unknown {
  let selected: unknown = {};
  for (const name of names) selected = merge(selected, pick(document, name.split('.'), name));
  return selected;
}

function pick(value: unknown, [first, ...rest]: readonly string[], name: string): unknown {
  if (first === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => pick(item, [first, ...rest], name));
  if (isObject(value) && Object.hasOwn(value, first)) return { [first]: pick(value[first], rest, name) };
  const known = isObject(value) ? Object.keys(value) : [];
  throw usageError(
    `The document has no field ${JSON.stringify(name)}.`,
    known.length === 0 ? 'It has no fields there.' : `Its fields there: ${known.join(', ')}.`,
  );
}

function merge(a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b)) return a.map((item, at) => merge(item, b[at]));
  if (!isObject(a) || !isObject(b)) return b;
  const merged: JsonObject = { ...a };
  for (const [key, value] of Object.entries(b)) {
    merged[key] = Object.hasOwn(a, key) ? merge(a[key], value) : value;
  }
  return merged;
}
