/** The linked state of this machine as the runner keeps it: signs of life, and what the service is told of it. */

import { syncMachine } from '../../spec/contract/runner.ts';
import { send } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { copyMachineTo, updateMachine } from '../link/machine.ts';
import { readRemoteSession } from '../link/remote-session.ts';
import {
  buildSyncPayload,
  type Candidate,
  inspectRoots,
  type LinkedRepository,
} from '../link/sync-payload.ts';
import { formatTimestamp } from '../link/timestamps.ts';
import { clientVersion } from '../version.ts';
import type { LocalState } from './work-context.ts';

export interface LocalRecordsOptions {
  env: NodeJS.ProcessEnv;
  /** Candidate roots, `--repo-root` first. */
  roots: readonly string[];
  connect(): Promise<Client>;
}

/** The local state over the files of contract/local-state.md. */
export function localRecords({ env, roots, connect }: LocalRecordsOptions): LocalState {
  const email = () => readRemoteSession(env).email;
  const linkedEmail = () => (email() === '' ? {} : { linked_email: email() });
  return {
    async recordBeat(linked) {
      const now = Date.now();
      const beat = { last_heartbeat_at_utc: formatTimestamp(now), ...linkedEmail() };
      const { record } = await updateMachine({ env, now, repository: linked?.repository }, () => beat);
      if (linked !== undefined) await copyMachineTo(linked.repository, record);
    },
    async sync() {
      const now = Date.now();
      const linked = linkedOf(await inspectRoots({ roots, env, now, email: email() }));
      const place = { env, now, repository: linked[0]?.repository };
      const { record } = await updateMachine(place, () => ({}));
      const payload = buildSyncPayload(record, linked, { appVersion: clientVersion(env), now });
      const answer = await send(await connect(), syncMachine, { body: payload });
      const synced = { last_sync_at_utc: formatTimestamp(now), ...linkedEmail() };
      const after = await updateMachine(place, () => synced);
      if (place.repository !== undefined) await copyMachineTo(place.repository, after.record);
      return answer;
    },
  };
}

function linkedOf(candidates: readonly Candidate[]): LinkedRepository[] {
  return candidates.flatMap((candidate) => (candidate.kind === 'linked' ? [candidate.linked] : []));
}
