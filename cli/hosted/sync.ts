/** Sends the linked repositories of this machine to the server, and records the sync locally. */

import { syncMachine } from '../../spec/contract/runner.ts';
import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import { clientVersion } from '../base/version.ts';
import { findOffer, send } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import type { JsonObject } from '../files/json-file.ts';
import { displayPath } from '../files/paths.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { type LinkableRepository, repoRunnerPath } from '../git/repository.ts';
import { verdictOnPrompts } from '../policy/owner-policy.ts';
import { copyMachineTo, type Machine, updateMachine } from '../records/machine.ts';
import { clearPending, readPending } from '../records/pending-sync.ts';
import {
  buildSyncPayload,
  type Candidate,
  inspectRoots,
  type LinkedRepository,
  type SyncPayload,
} from '../records/sync-payload.ts';

import { findGone } from './gone-roots.ts';

export interface SyncRequest {
  env: NodeJS.ProcessEnv;
  now: number;
  machine: RunnerMachine;
  linked: readonly LinkedRepository[];
  /** Account of the client. */
  email: string;
  /** True if `linked` is everything that this machine has linked. */
  isWhole?: boolean | undefined;
  /** Repository that gets a copy of the machine record. */
  copyTo?: LinkableRepository | undefined;
}

export interface SyncReceipt {
  payload: SyncPayload;
  response: JsonObject;
  machine: Machine;
  syncedAt: string;
  copyTo: LinkableRepository | undefined;
}

/**
 * Syncs, then records it. If the server refuses, nothing changes locally. Repositories that were unlinked since the last sync are
 * named, so that the server drops them.
 */
export async function syncLinked(client: Client, request: SyncRequest): Promise<SyncReceipt> {
  const { env, now, email } = request;
  const hasAgents = request.linked.some(({ sessions }) =>
    sessions.some(({ record }) => record.agent !== undefined),
  );
  const takesAgents = hasAgents && (await findOffer(client, 'abilities'));
  const verdictOf = (await findOffer(client, 'policy-report')) ? verdictOnPrompts(env) : undefined;
  const told = { appVersion: clientVersion(env), now, takesAgents, ...(verdictOf && { verdictOf }) };
  const pending = readPending(env);
  const here = new Set(request.linked.map(({ repository }) => repository.root));
  const others = [...pending.keys()].filter((root) => !here.has(root));
  const gone = await findGone(await inspectRoots({ roots: others, env, now, email }), env);
  const payload: SyncPayload = {
    ...buildSyncPayload(request.machine, request.linked, told),
    ...(gone.length > 0 ? { completeRoots: gone } : {}),
    ...(request.isWhole ? { complete: true } : {}),
  };
  const response = await send(client, syncMachine, { body: payload });
  const sent = new Map([...pending].filter(([root]) => here.has(root) || gone.includes(root)));
  // If the note cannot be removed, the only effect is another sync.
  if (sent.size > 0) await clearPending(env, sent).catch(() => undefined);
  const syncedAt = formatTimestamp(now);
  const machine = await updateMachine({ env, now }, () => ({
    runner_enabled: true,
    last_sync_at_utc: syncedAt,
    ...(email === '' ? {} : { linked_email: email }),
  }));
  if (request.copyTo !== undefined) await copyMachineTo(request.copyTo, machine.record);
  return { payload, response, machine, syncedAt, copyTo: request.copyTo };
}

/** The JSON document of a sync, also used as `sync_result` by `runner work`. */
export function syncDocument(receipt: SyncReceipt, candidates: readonly Candidate[]) {
  const { payload, response, machine, syncedAt, copyTo } = receipt;
  return {
    ok: true,
    machine: machine.record,
    machine_path: machine.path,
    repo_runner_path: copyTo === undefined ? '' : displayPath(copyTo.root, repoRunnerPath(copyTo)),
    sync_payload: payload,
    response,
    synced_at_utc: syncedAt,
    linked_projects: payload.linkedProjects.length,
    sessions: payload.sessions.length,
    routeable_sessions: payload.sessions.filter(
      (session) => session.state === 'active' && session.codexSessionId,
    ).length,
    included_project_roots: candidates.flatMap((candidate) =>
      candidate.kind === 'linked' ? [candidate.linked.repository.root] : [],
    ),
    skipped_project_roots: candidates.flatMap((candidate) =>
      candidate.kind === 'skipped' ? [{ project_root: candidate.root, reason: candidate.reason }] : [],
    ),
  };
}
