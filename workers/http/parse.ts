/** Checks a request against the schema of its row, and describes what is wrong in sentences. */

import type { ZodType, z } from 'zod';
import { accept, type Result, refuse } from '../../spec/errors.ts';

type Issue = z.core.$ZodIssue;

/** Where a value was: the path, the query or the body. Sentences name it when no single field is wrong. */
export type Where = 'body' | 'query';

export function parse(
  schema: ZodType,
  value: unknown,
  where: Where,
): Result<unknown, 'invalid_input' | 'body_too_large'> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return accept(parsed.data);
  const issue = deepest(parsed.error.issues[0]);
  const field = fieldOf(issue) || `the ${where}`;
  const code = where === 'body' && isTooLong(issue) ? 'body_too_large' : 'invalid_input';
  return refuse(code, `${field}: ${sentenceOf(issue)}`, hintOf(field, where));
}

/** A text or a list beyond its bound, rather than a number that is out of range. */
function isTooLong(issue: Issue | undefined): boolean {
  return issue?.code === 'too_big' && (issue.origin === 'string' || issue.origin === 'array');
}

/** A union reports every alternative; the one with the fewest issues is what the sender meant. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const arms = issue.errors.filter((arm) => arm.length > 0).sort((a, b) => a.length - b.length);
  const inner = deepest(arms[0]?.[0]);
  return inner && { ...inner, path: [...issue.path, ...inner.path] };
}

function fieldOf(issue: Issue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return [...issue.path, issue.keys.join(', ')].join('.');
  return issue?.path.join('.') ?? '';
}

function sentenceOf(issue: Issue | undefined): string {
  switch (issue?.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing.' : `must be ${aType(issue.expected)}.`;
    case 'too_big':
      return `may have at most ${issue.maximum}${unitOf(issue.origin)}.`;
    case 'too_small':
      return `needs at least ${issue.minimum}${unitOf(issue.origin)}.`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}.`;
    case 'unrecognized_keys':
      return 'is not a field of this request.';
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'must be a time such as 2026-04-01T10:00:00Z.'
        : ended(issue.message);
    default:
      return ended(issue?.message ?? 'is not valid');
  }
}

function aType(expected: string): string {
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

/** What a limit counts; a limit on a number is the number itself. */
function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function hintOf(field: string, where: Where): string {
  return field === `the ${where}`
    ? `Correct the ${where} and send it again.`
    : `Correct ${field} and send it again.`;
}

function ended(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** Of a refused body the server reads this much, or what the route takes, before it cuts the connection. */
export const DISCARDED_BYTES = 4 * 1024 * 1024;

/** The bytes, or undefined when there are more than `maxBytes`. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    await discardBody(request, maxBytes);
    return undefined;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      await discardRest(reader, { read: length, maxBytes });
      return undefined;
    }
    chunks.push(value);
  }
  return joined(chunks, length);
}

/**
 * Reads a refused body to its end and keeps nothing of it: a client that is cut off while it sends does not read the answer,
 * and the local runtime may crash. Only a body far beyond what the route takes is cut off.
 */
export async function discardBody(request: Request, maxBytes: number): Promise<void> {
  if (request.body !== null) await discardRest(request.body.getReader(), { read: 0, maxBytes });
}

async function discardRest(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { read, maxBytes }: { read: number; maxBytes: number },
): Promise<void> {
  let length = read;
  while (length <= Math.max(maxBytes, DISCARDED_BYTES)) {
    const { value, done } = await reader.read();
    if (done) return;
    length += value.byteLength;
  }
  await reader.cancel();
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
