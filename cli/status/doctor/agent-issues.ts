/** Problems of `link doctor` that the agent or the server knows about: sessions that are gone, and the sign-in of the agent. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import { isActive } from '../../../spec/local/session-order.ts';
import { agentEnvironment } from '../../agents/agent-environment.ts';
import { findCodex } from '../../agents/codex-program.ts';
import { readJsonObject } from '../../files/json-file.ts';
import { displayPath, machinePath } from '../../files/paths.ts';
import { CHECKERS } from '../../runner/agent-server/find-sessions.ts';
import { codexHome } from '../../runner/agent-server/places.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { Finding } from './issues.ts';

const LOGIN_STATUS_LIMIT_MS = 5000;

/** Sessions that the agent does not have, or has archived. */
export function goneSessionIssues({ repository, shelf }: LinkFacts, env: NodeJS.ProcessEnv): Finding[] {
  return shelf.sessions.flatMap(({ record, path: file }): Finding[] => {
    const { orp_session_id: id, codex_session_id: agentId, agent = DEFAULT_AGENT } = record;
    if (!isActive(record) || agentId === undefined) return [];
    const state = CHECKERS.get(agent)?.(env, agentId);
    const path = displayPath(repository.root, file);
    if (state === 'missing') {
      const message = `Session ${id} names the session ${agentId} of ${agent}, which ${agent} does not have. Its jobs would fail.`;
      return [{ severity: 'warning', code: 'stale_agent_session', message, path }];
    }
    if (state !== 'archived') return [];
    const message = `Session ${id} names the session ${agentId}, which is archived in ${agent}.`;
    return [{ severity: 'warning', code: 'archived_agent_session', message, path }];
  });
}

export interface WaitingJob {
  id: string;
  orpSessionId: string | undefined;
}

/** Jobs that wait for a session that is archived here. */
export function waitingJobIssues({ shelf }: LinkFacts, jobs: readonly WaitingJob[]): Finding[] {
  return shelf.sessions.flatMap(({ record }): Finding[] => {
    const { orp_session_id: id, archived } = record;
    const waiting = archived ? jobs.filter(({ orpSessionId }) => orpSessionId === id) : [];
    if (waiting.length === 0) return [];
    const ids = waiting.map((job) => job.id).join(', ');
    const [verb, noun] = waiting.length === 1 ? ['names', 'job'] : ['name', 'jobs'];
    const message = `Session ${id} is archived here, but the queued ${noun} ${ids} ${verb} it.`;
    return [{ severity: 'warning', code: 'archived_session_named_by_jobs', message }];
  });
}

/** Asks Codex whether it is signed in, if this machine can take jobs. With a custom model provider, Codex needs no sign-in. */
export async function signInIssues(
  { link, agentProblem }: LinkFacts,
  env: NodeJS.ProcessEnv,
): Promise<Finding[]> {
  if (link === undefined || agentProblem !== undefined) return [];
  if (readJsonObject(machinePath(env))?.runner_enabled !== true || hasOwnProvider(env)) return [];
  const found = await findCodex({ env });
  if (found.kind === 'missing' || !(await saysSignedOut(found.path, env))) return [];
  const message = 'Codex is not signed in, so no job can run.';
  return [{ severity: 'warning', code: 'agent_signed_out', message }];
}

function hasOwnProvider(env: NodeJS.ProcessEnv): boolean {
  try {
    return /^\s*model_provider\s*=/m.test(readFileSync(join(codexHome(env), 'config.toml'), 'utf8'));
  } catch {
    return false;
  }
}

function saysSignedOut(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { env: agentEnvironment(env, '/'), timeout: LOGIN_STATUS_LIMIT_MS } as const;
    const child = execFile(program, ['login', 'status'], options, (_, stdout, stderr) =>
      resolve(/not logged in/i.test(`${stdout}${stderr}`)),
    );
    child.stdin?.end();
  });
}
