/**
 * What the compatibility path works with: the routes of the v0.4.4 workers, and a spool of its own, because its results go to
 * those routes. It writes no records of the machine or the repository.
 */

import { existsSync } from 'node:fs';
import { agentWorkId } from '../../files/paths.ts';
import type { HttpServiceOptions } from '../hosted/http-hosted.ts';
import type { LocalState, WorkContext } from '../job/work-context.ts';
import { spoolFolder } from '../spool/places.ts';
import { type AgentService, agentService } from './hosted.ts';

/** Makes the context from what every path shares. */
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

/** Answers that `orp agent work` could not deliver: it may never start again, so the runner delivers them, too. */
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
