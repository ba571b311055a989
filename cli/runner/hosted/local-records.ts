/** The runner's access to the local records: it records heartbeats and syncs. */

import type { Client } from '../../client/client.ts';
import { displayPath } from '../../files/paths.ts';
import { formatTimestamp, parseTimestamp } from '../../files/timestamps.ts';
import { type LinkableRepository, repoRunnerPath, runtimePath } from '../../git/repository.ts';
import { isEverythingKnown } from '../../hosted/gone-roots.ts';
import { syncDocument, syncLinked } from '../../hosted/sync.ts';
import { copyMachineTo, loadMachine, updateMachine } from '../../records/machine.ts';
import { recordHeartbeat } from '../../records/runtime.ts';
import { readRemoteSession } from '../../records/sign-in-record.ts';
import {
  type Candidate,
  inspectRoots,
  type LinkedRepository,
  requireReadable,
} from '../../records/sync-payload.ts';
import type { KeptLease, LocalState } from '../job/work-context.ts';

export interface LocalRecordsOptions {
  env: NodeJS.ProcessEnv;
  /** Candidate roots, `--repo-root` first. `isWhole` is true if the candidates include every repository that this machine has linked. */
  roots(): Promise<{ roots: readonly string[]; isWhole: boolean }>;
  connect(): Promise<Client>;
}

/** Implements the local state with the files of `cli/records/`. */
export function localRecords({ env, roots, connect }: LocalRecordsOptions): LocalState {
  const place = () => ({ env, now: Date.now() });
  return {
    async isEnabled() {
      return (await loadMachine(place())).record.runner_enabled;
    },
    watchSignIn() {
      const token = tokenIfReadable(env);
      return () => ![undefined, token].includes(tokenIfReadable(env));
    },
    async recordBeat(linked, kept) {
      const { email } = readRemoteSession(env);
      const beat = {
        last_heartbeat_at_utc: formatTimestamp(Date.now()),
        ...(email === '' ? {} : { linked_email: email }),
      };
      const repository = linked?.repository;
      const { record, path } = await updateMachine({ ...place(), repository }, () => beat);
      const told = { machine: record, machine_path: path };
      if (repository === undefined) return { ...told, repo_runner_path: '', repo_runtime_path: '' };
      await copyMachineTo(repository, record);
      if (kept !== undefined) await recordLease(repository, kept);
      return {
        ...told,
        repo_runner_path: displayPath(repository.root, repoRunnerPath(repository)),
        repo_runtime_path: displayPath(repository.root, runtimePath(repository)),
      };
    },
    async sync() {
      const { record: machine } = await loadMachine(place());
      // A sync would enable the runner again, although a person has disabled it in the meantime.
      if (!machine.runner_enabled) throw new Error('the runner was disabled');
      const { email } = readRemoteSession(env);
      const known = await roots();
      const candidates = await inspectRoots({ ...place(), roots: known.roots, email });
      requireReadable(candidates);
      const linked = linkedOf(candidates);
      if (linked.length === 0) throw new Error('no linked repository is left');
      const isWhole = known.isWhole && (await isEverythingKnown(candidates, env));
      const request = { ...place(), machine, linked, email, isWhole, copyTo: linked[0]?.repository };
      return syncDocument(await syncLinked(await connect(), request), candidates);
    },
  };
}

async function recordLease(repository: LinkableRepository, { held, expiresAt }: KeptLease): Promise<void> {
  const leaseExpiresAt = expiresAt === undefined ? undefined : parseTimestamp(expiresAt);
  await recordHeartbeat(repository, { ...held, leaseExpiresAt }, Date.now());
}

/** Returns the token, or undefined if the file is temporarily unreadable, which does not mean that the sign-in changed. */
function tokenIfReadable(env: NodeJS.ProcessEnv): string | undefined {
  try {
    return readRemoteSession(env).token;
  } catch {
    return undefined;
  }
}

function linkedOf(candidates: readonly Candidate[]): LinkedRepository[] {
  return candidates.flatMap((candidate) => (candidate.kind === 'linked' ? [candidate.linked] : []));
}
