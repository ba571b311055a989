/** What the hosted side knows of this machine: when it was heard of, and, apart from that, whether it can be woken now. */

import { showMachine } from '../../spec/contract/machines.ts';
import { CliError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import type { Context } from '../output/context.ts';

/** As documents carry it. */
export type Presence =
  /** Nobody could be asked, or nobody knows the machine; `message` says why. */
  | { known: false; message: string }
  | {
      known: true;
      /** Whether a channel stands; the three fields after it describe it. */
      listening: boolean;
      transport?: string | undefined;
      instance?: string | undefined;
      listening_since_utc?: string | undefined;
      last_seen_at_utc: string;
      draining: boolean;
    };

/** Somebody looks at a status: it must not hang because the service does. */
const PATIENCE_MS = 2000;

/** Asks once. Whatever keeps the answer away is part of the answer. */
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
