/** `--fields` and `--jq`: a part of the JSON document of a command, and a filter for it. */

import { CliError, messageOf, usageError } from '../base/exit.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';

/** Turns a document into the text to print. */
export type Shape = (document: unknown) => string;

/** What the options ask for. Undefined means that the option is not given. */
export interface Selection {
  fields?: string | undefined;
  jq?: string | undefined;
}

/**
 * Reads both options before the command does anything, so that a mistake in them changes nothing. With both, jq gets the
 * selected fields.
 */
export async function makeShape({ fields, jq }: Selection): Promise<Shape> {
  const select = fields === undefined ? (document: unknown) => document : makeSelector(fields);
  if (jq === undefined) return (document) => `${JSON.stringify(select(document), null, 2)}\n`;
  const filter = await makeFilter(jq);
  return (document) => filter(select(document));
}

/**
 * @param fields names separated by commas. `job.id` selects the field `id` of `job`. If `job` is a list, it selects this
 * field of each entry.
 */
function makeSelector(fields: string): (document: unknown) => unknown {
  const names = fields.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw usageError(
      '--fields has a blank name.',
      'Separate the names by single commas, such as --fields ok,jobs.id.',
    );
  }
  return (document) => selectFields(document, names);
}

/** The part of `jq-wasm` that is used. The package is optional, so the types cannot come from it. */
interface Jq {
  raw(input: string, filter: string, flags: string[]): { stdout: string; stderr: string; exitCode: number };
}

/** A variable, because a bundler must not look for a package that may be missing. */
const JQ_PACKAGE: string = 'jq-wasm';

/**
 * Runs jq so that Ctrl-C ends a filter that never ends. jq keeps the only thread, where Node cannot call listeners. Without
 * listeners the system ends the process.
 */
function interruptibly<T>(work: () => T): T {
  const listeners = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  try {
    return work();
  } finally {
    for (const listener of listeners) process.on('SIGINT', listener);
  }
}

/** One value per line. Strings appear without quotes, as with `gh --jq`. */
const FLAGS = ['-r', '-c'];

async function makeFilter(expression: string): Promise<Shape> {
  if (expression.trim() === '') throw usageError('--jq is blank.', 'Write a filter, such as .jobs[].id.');
  const jq = await loadJq();
  const { exitCode, stderr } = jq.raw('null', `empty | ${expression}`, FLAGS);
  if (exitCode !== 0) {
    throw usageError(
      `--jq ${JSON.stringify(expression)} is not a jq filter${reasonOf(stderr)}.`,
      'The filters are described at https://jqlang.org/manual.',
    );
  }
  return (document) => {
    const answer = interruptibly(() => runJq(jq, JSON.stringify(document), expression));
    if (answer.exitCode !== 0) {
      throw usageError(
        `--jq cannot filter the document${reasonOf(answer.stderr)}.`,
        'Run the command with --json to see the document.',
      );
    }
    return answer.stdout === '' ? '' : `${answer.stdout}\n`;
  };
}

/** The WebAssembly of jq aborts when it has used all its memory. */
function runJq(jq: Jq, input: string, expression: string): ReturnType<Jq['raw']> {
  try {
    return jq.raw(input, expression, FLAGS);
  } catch {
    return { stdout: '', stderr: 'it needs too much memory', exitCode: 1 };
  }
}

async function loadJq(): Promise<Jq> {
  try {
    const found: { loadJq(): Promise<Jq> } = await import(/* @vite-ignore */ JQ_PACKAGE);
    return await found.loadJq();
  } catch (error) {
    throw new CliError(`--jq needs the package ${JQ_PACKAGE}, which cannot be loaded: ${messageOf(error)}`, {
      code: 'missing_package',
      hint: 'Install orp again without --omit=optional, or use the jq of your system: orp … --json | jq.',
      cause: error,
    });
  }
}

/** The first sentence of jq about a mistake, without its name and the place in our input. */
function reasonOf(stderr: string): string {
  const [line = ''] = stderr.split('\n');
  const reason = line.replace(/^jq: error(?: \(at [^)]*\))?: /, '').replace(/ at <top-level>.*$/, '');
  return reason === '' ? '' : `: ${reason}`;
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
