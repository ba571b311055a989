/** What the service says to a channel that it does not open. */

import { pollJob } from '../../../spec/contract/runner.ts';
import { refusal } from '../../client/service-error.ts';
import type { ChannelEnd, ChannelTarget } from './channel.ts';

/** Reads an HTTP refusal as the end of a channel. */
export async function endForRefusal(response: Response, path: string): Promise<ChannelEnd> {
  const { status } = response;
  const { message } = refusal({ status, path, text: await response.text(), retryAfter: null });
  if (status === 401) return { kind: 'unauthorized', message };
  if (status === 403 || status === 404 || status === 405 || status === 426)
    return { kind: 'refused', message };
  return { kind: 'broken', message };
}

/**
 * Why the service refuses this machine; undefined when it does not, or cannot be asked. The WebSocket of the platform hides
 * with what status an upgrade was refused. A look that claims nothing is refused alike, and by any age of service.
 */
export async function findRefusal(
  { baseUrl, headers, machineId }: ChannelTarget,
  signal: AbortSignal,
): Promise<ChannelEnd | undefined> {
  const query = new URLSearchParams({ machineId, dryRun: '1' });
  try {
    const response = await fetch(`${baseUrl}${pollJob.path}?${query}`, {
      headers,
      redirect: 'manual',
      signal,
    });
    if (!response.ok) return await endForRefusal(response, pollJob.path);
    await response.body?.cancel();
  } catch {
    // Away, or given up meanwhile: then it is the network's trouble.
  }
  return undefined;
}
