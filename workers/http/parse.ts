/** Checks a request against the schema of its row, and describes what is wrong in sentences. */

import type { ZodType } from 'zod';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import { type Issue, issueWords } from '../../spec/issue-words.ts';

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
  return refuse(
    code,
    `${field}: ${issue === undefined ? 'is not valid' : issueWords(issue)}.`,
    hintOf(field, where),
  );
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

function hintOf(field: string, where: Where): string {
  return field === `the ${where}`
    ? `Correct the ${where} and send it again.`
    : `Correct ${field} and send it again.`;
}

/** Of a refused body the server reads this much, or what the route takes, before it cuts the connection. */
export const DISCARDED_BYTES = 4 * 1024 * 1024;

/**
 * The bytes, or undefined when there are more than `maxBytes`. Not `hono/body-limit`: that one leaves a refused body unread, and
 * its client may then not read why.
 */
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
