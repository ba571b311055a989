/** Reads a body up to a limit, whatever Content-Length says. */

/** The bytes, or undefined when there are more than `maxBytes`. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) {
    await request.body?.cancel();
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
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  return joined(chunks, length);
}

/** Reads a body to its end and keeps nothing of it; one of more than `maxBytes` is cut off. */
export async function discardBody(request: Request, maxBytes: number): Promise<void> {
  let length = 0;
  const reader = request.body?.getReader();
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) return;
    length += value.byteLength;
    if (length > maxBytes) return reader.cancel();
  }
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
