/** The sync body of every client version, as the service reads it: null and blank are absent. */

import type { BodyOf } from '../../spec/contract/endpoint.ts';
import type { syncMachine } from '../../spec/contract/runner.ts';
import type { SyncedMachine } from '../machines/sync.ts';

export function syncedMachineOf(body: BodyOf<typeof syncMachine>): SyncedMachine {
  return {
    machineId: body.machineId,
    machineName: body.machineName,
    platform: body.platform,
    appVersion: body.appVersion,
    complete: body.complete ?? false,
    projects: body.linkedProjects.map((project) => ({
      projectRoot: project.projectRoot,
      ideaId: project.ideaId,
      ideaTitle: project.ideaTitle || null,
      worldId: project.worldId || null,
      worldName: project.worldName || null,
      projectName: project.projectName || null,
      githubUrl: project.githubUrl || null,
    })),
    sessions: body.sessions.map((session) => ({
      projectRoot: session.projectRoot,
      ideaId: session.ideaId || undefined,
      orpSessionId: session.orpSessionId,
      codexSessionId: session.codexSessionId || undefined,
      label: session.label,
      state: session.state,
      primary: session.primary,
      lastActiveAt: session.lastActiveAt ? Date.parse(session.lastActiveAt) : undefined,
    })),
  };
}
