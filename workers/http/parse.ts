/** Checks a request against the schema of its row, and describes errors in sentences. */

import type { ZodMiniType } from 'zod/mini';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import { type Issue, issueWords } from '../../spec/issue-words.ts';

/** The place of a value: the query or the body. Sentences name it if no single field is wrong. */
export type Where = 'body' | 'query';

/** Checks a value. Without a schema, the value is ignored. */
export function parse(
  schema: ZodMiniType | undefined,
  value: unknown,
  where: Where,
): Result<unknown, 'invalid_input' | 'body_too_large'> {
  if (schema === undefined) return accept(undefined);
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

/** Returns whether a text or a list is too long. A number out of range does not count. */
function isTooLong(issue: Issue | undefined): boolean {
  return issue?.code === 'too_big' && (issue.origin === 'string' || issue.origin === 'array');
}

/** A union reports every alternative. Chooses the alternative with the fewest issues, which the sender probably meant. */
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

/** How much of a refused body the server reads (or the route's limit, if larger) before it closes the connection. */
export const DISCARDED_BYTES = 4 * 1024 * 1024;

/**
 * Reads the body. Returns undefined if it has more than `maxBytes`. This does not use `hono/body-limit`, which leaves a
 * refused body unread, so that the client may not read the reason.
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
 * Reads a refused body to its end and drops it. If the connection closes while a client still sends, the client does not read
 * the answer, and the local runtime may crash. Only a body far above the route's limit is cut off.
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
