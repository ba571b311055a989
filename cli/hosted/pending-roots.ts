/** Sends the changes of links and sessions that the server does not have yet. */

import { type Client, signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { loadMachine } from '../records/machine.ts';
import { clearPending, notePending, type PendingRoots, readPending } from '../records/pending-sync.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { type Candidate, inspectRoots } from '../records/sync-payload.ts';
import { findGone } from './gone-roots.ts';
import { syncLinked } from './sync.ts';

interface Place {
  env: NodeJS.ProcessEnv;
  now: number;
}

/** The timeout is short, because a person waits for the command, and the runner later sends the changes that were not sent. */
const PATIENCE_MS = 3_000;

/**
 * Syncs the repositories with changes, and prints nothing. If a sync fails, the note about the change stays, so that a later sync sends
 * the change. Does nothing on a machine that is not enabled or not
 * signed in.
 */
export async function syncPending({ env, now }: Place, connect?: () => Promise<Client>): Promise<void> {
  const pending = readPending(env);
  if (pending.size === 0) return;
  const { record: machine } = await loadMachine({ env, now });
  const { token, email } = readRemoteSession(env);
  if (!machine.runner_enabled || token === '') return;
  const candidates = await inspectRoots({ roots: [...pending.keys()], env, now, email });
  const linked = candidates.flatMap((candidate) => (candidate.kind === 'linked' ? [candidate.linked] : []));
  const gone = await findGone(candidates, env);
  if (linked.length === 0 && gone.length === 0) {
    return clearPending(env, only(pending, candidates.filter(isSettled)));
  }
  const client = await (connect?.() ?? signedInClient({ env, baseUrl: '' }));
  const hasty = { ...client, timeoutMs: PATIENCE_MS, retry: NO_RETRY };
  await syncLinked(hasty, { env, now, machine, linked, email });
}

/** Notes that the repository will change, runs `change`, and then sends the change. */
export async function syncAfter<T>(
  place: Place,
  roots: readonly string[],
  change: () => Promise<T>,
): Promise<T> {
  // If this note cannot be written, the next complete sync still sends the change.
  await notePending(place.env, roots, place.now).catch(() => undefined);
  const result = await change();
  await syncPending(place).catch(() => undefined);
  return result;
}

/** The link belongs to another account or to another folder, so there is nothing to send from this repository. */
function isSettled(candidate: Candidate): boolean {
  return candidate.kind === 'skipped' && /_mismatch$/.test(candidate.reason);
}

function only(pending: PendingRoots, candidates: readonly Candidate[]): PendingRoots {
  const roots = new Set(candidates.map(({ root }) => root));
  return new Map([...pending].filter(([root]) => roots.has(root)));
}
