/** The server's view of this machine: when the machine last contacted the server, and whether the server can wake it now. */

import { showMachine } from '../../spec/contract/machines.ts';
import { CliError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import type { Context } from '../output/context.ts';

/** The form in JSON documents. */
export type Presence =
  /** The request failed, or the server does not know the machine; `message` says why. */
  | { known: false; message: string }
  | {
      known: true;
      /** True if a channel is open. The next three fields describe it. */
      listening: boolean;
      transport?: string | undefined;
      instance?: string | undefined;
      listening_since_utc?: string | undefined;
      last_seen_at_utc: string;
      draining: boolean;
    };

/** A status must not hang when the server does. */
const PATIENCE_MS = 2000;

/** Asks the server once. If the request fails, the returned value contains the failure. */
export async function askPresence(
  context: Pick<Context, 'env' | 'baseUrl'>,
  machineId: string,
): Promise<Presence> {
  try {
    const client = { ...(await signedInClient(context)), timeoutMs: PATIENCE_MS, retry: NO_RETRY };
    const { machine } = await call(client, showMachine, { params: { machineId } });
    const { listening, lastSeenAt, draining } = machine;
    return {
      known: true,
      listening: listening !== undefined,
      transport: listening?.transport,
      instance: listening?.instance,
      listening_since_utc: listening?.since,
      last_seen_at_utc: lastSeenAt,
      draining,
    };
  } catch (error) {
    if (error instanceof CliError) return { known: false, message: error.message };
    throw error;
  }
}
