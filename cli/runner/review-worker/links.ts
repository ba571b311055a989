/** The compatibility path runs where this machine has linked a repository, and in a session that it has registered there. */

import { inspectRoots } from '../../records/sync-payload.ts';
import type { AgentJob } from './held-job.ts';

/**
 * Why a review may not run here; undefined when it may. The repository and the session that a server names are only words:
 * the records of this machine decide, as everywhere else.
 */
export async function whyNotLinked(
  { cwd, codexSessionId }: Pick<AgentJob, 'cwd' | 'codexSessionId'>,
  { env, now }: { env: NodeJS.ProcessEnv; now: number },
): Promise<string | undefined> {
  const [candidate] = await inspectRoots({ roots: [cwd], env, now });
  if (candidate?.kind !== 'linked') return `its repository ${cwd} is not linked on this machine`;
  const isRegistered = candidate.linked.sessions.some(
    ({ record }) =>
      record.codex_session_id === codexSessionId && record.state === 'active' && !record.archived,
  );
  return isRegistered ? undefined : `its session ${codexSessionId} is not an active session of ${cwd}`;
}
