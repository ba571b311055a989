/** Reads the answer of the server if it refuses to open a channel. */

import { showMachine } from '../../../spec/contract/machines.ts';
import { readRefusalText } from '../../client/bounded-body.ts';
import { type HttpAnswer, request } from '../../client/http.ts';
import type { ServerError } from '../../client/server-error.ts';
import { streamFailure } from '../../client/stream-failure.ts';
import type { ChannelEnd, ChannelTarget } from './channel.ts';

/** Codes after which the same request would get the same answer. */
const LASTING: ReadonlySet<string> = new Set([
  'foreign_machine',
  'not_found',
  'route_not_found',
  'method_not_allowed',
  'invalid_input',
]);

/** Reads an HTTP answer as the end of a channel. Only the server's own refusal is more than a failed connection. */
export async function endForRefusal(response: HttpAnswer, path: string): Promise<ChannelEnd> {
  const { status, headers } = response;
  return endFor(streamFailure({ status, headers, text: await readRefusalText(response) }, path));
}

function endFor({ kind, code, message }: ServerError): ChannelEnd {
  if (kind === 'refused' && ['unauthenticated', 'insufficient_scope'].includes(code))
    return { kind: 'unauthorized', message };
  if (kind === 'refused' && LASTING.has(code)) return { kind: 'refused', message };
  return { kind: 'broken', message };
}

/**
 * Finds out why the server refuses this machine. Returns undefined if the server accepts the machine or is unreachable.
 * Used after a refused upgrade: the server refuses a request for the machine for the same reason, and that request changes
 * nothing.
 */
export async function findRefusal(
  { baseUrl, headers, machineId }: ChannelTarget,
  signal: AbortSignal,
): Promise<ChannelEnd | undefined> {
  const path = showMachine.path.replace(':machineId', encodeURIComponent(machineId));
  try {
    const answer = await request(`${baseUrl}${path}`, { headers, signal });
    if (answer.status >= 400) return await endForRefusal(answer, path);
    await readRefusalText(answer);
  } catch {
    // The server is unreachable, or the connection was given up: treated as a network failure.
  }
  return undefined;
}
