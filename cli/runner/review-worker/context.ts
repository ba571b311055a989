/**
 * The context of the compatibility path. It uses the routes of the v0.4.4 workers and its own spool, because its results go
 * to those routes. It writes no records of the machine or the repository.
 */

import { existsSync } from 'node:fs';
import { agentWorkId } from '../../files/paths.ts';
import type { HttpServiceOptions } from '../hosted/http-hosted.ts';
import type { LocalState, WorkContext } from '../job/work-context.ts';
import { spoolFolder } from '../spool/places.ts';
import { type AgentService, agentService } from './hosted.ts';

/** Creates the context from the shared parts. */
export function agentContext(
  shared: Omit<WorkContext, 'service' | 'local'>,
  way: Pick<HttpServiceOptions, 'baseUrl' | 'connect'>,
): WorkContext & { service: AgentService } {
  const { machine } = shared;
  return {
    ...shared,
    machine: { ...machine, machine_id: agentWorkId(machine.machine_id) },
    service: agentService(way),
    local: NO_RECORDS,
  };
}

/**
 * The context for answers that `orp agent work` could not deliver. The runner delivers them, because that command may never
 * run again.
 */
export function owedByAgentWork(
  shared: WorkContext,
  connect: HttpServiceOptions['connect'],
): readonly WorkContext[] {
  const { env, machine, service } = shared;
  if (!existsSync(spoolFolder(env, agentWorkId(machine.machine_id)))) return [];
  return [agentContext(shared, { baseUrl: service.baseUrl, connect })];
}

const NO_RECORDS: LocalState = {
  isEnabled: async () => true,
  watchSignIn: () => () => false,
  recordBeat: async () => undefined,
  sync: async () => ({}),
};
