/**
 * One HTTP request over Node's `http`. Loading `fetch` would take 12 MB of memory and a third of the start of `orp`. Redirects
 * are never followed, so that a token stays with the server that it belongs to.
 */

import type { IncomingMessage } from 'node:http';

export interface HttpRequest {
  method?: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  /** Aborts the request, also while its answer is read. */
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: Pick<Headers, 'get'>;
  /** Can be read once. Leaving the loop closes the connection. Throws if the connection breaks or the signal aborts. */
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection. Who reads the body then gets an error. */
  close(): void;
}

/** Sends a request and returns when the headers of the answer have arrived. Throws the reason if the signal aborts. */
export async function request(url: string, { body, signal, ...init }: HttpRequest): Promise<HttpAnswer> {
  signal?.throwIfAborted();
  const http = url.startsWith('https:') ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(signal?.aborted ? signal.reason : error);
    try {
      const sent = http.request(url, { ...init, ...(signal === undefined ? {} : { signal }) });
      sent.on('error', fail);
      sent.on('response', (message) => resolve(answerOf(message, signal)));
      sent.end(body);
    } catch (error) {
      // The URL or a header is not valid.
      fail(error);
    }
  });
}

function answerOf(message: IncomingMessage, signal: AbortSignal | undefined): HttpAnswer {
  return {
    status: message.statusCode ?? 0,
    headers: {
      get(name) {
        const value = message.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    },
    body: bytesOf(message, signal),
    close: () => void message.destroy(),
  };
}

async function* bytesOf(
  message: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    if (message.headers['content-encoding'] === 'gzip') yield* unzipped(message);
    else yield* message;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

async function* unzipped(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  const [{ createGunzip }, { pipeline }] = await Promise.all([import('node:zlib'), import('node:stream')]);
  // The pipeline ends one of the two streams when the other one fails or its reader stops.
  yield* pipeline(message, createGunzip(), () => undefined);
}
