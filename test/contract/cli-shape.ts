/** Compares documents and `key=value` lines with the notation of `cli-documents.ts`. */

import { SHAPES } from './cli-documents.ts';

/** What is wrong with a document; empty when nothing is. */
export function faultsOf(value: unknown, keys: string, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`];
  return keys.split(' ').flatMap((entry) => {
    const [name = '', type = ''] = entry.split(':');
    const at = `${path}.${name}`;
    const found: unknown = Reflect.get(value, name);
    if (found === undefined) return [`${at} is missing`];
    const faults = type.split('|').map((one) => faultsOfType(found, one, at));
    return faults.some((list) => list.length === 0) ? [] : (faults.at(-1) ?? []);
  });
}

const PLAIN: Record<string, (value: unknown) => boolean> = {
  str: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  int: Number.isInteger,
  null: (value) => value === null,
  obj: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  list: Array.isArray,
  true: (value) => value === true,
  false: (value) => value === false,
  "''": (value) => value === '',
};

function faultsOfType(value: unknown, type: string, path: string): string[] {
  if (type.endsWith('[]')) {
    if (!Array.isArray(value) || value.length === 0) return [`${path} is no list of ${type}`];
    return value.flatMap((item, at) => faultsOfType(item, type.slice(0, -2), `${path}[${at}]`));
  }
  const shape = SHAPES[type];
  if (shape !== undefined) return faultsOf(value, shape, path);
  return PLAIN[type]?.(value) === true ? [] : [`${path} is ${JSON.stringify(value)}, not ${type}`];
}

/** The keys of the lines that are missing or out of order. */
export function missingLines(stdout: string, lines: string): string[] {
  const keys = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (line === '---' ? line : (line.split('=')[0] ?? '')));
  const wanted = lines.split(' ').filter((key) => !key.endsWith('*'));
  let at = -1;
  return wanted.filter((key) => {
    const found = keys.indexOf(key, at + 1);
    if (found !== -1) at = found;
    return found === -1;
  });
}

/** Returns whether a text is nothing but `key=value` lines and separators. */
export function isPlainLines(stdout: string): boolean {
  return stdout
    .trimEnd()
    .split('\n')
    .every((line) => line === '---' || /^[a-z][A-Za-z_.]*=/.test(line));
}
