/**
 * Decides which session of which repository takes a job. Every value that a job names must match, so a job for one idea never
 * runs in the repository of another idea. The rules use only data that machines have synced.
 *
 * A machine prefers the named session, then the primary session, then the first session that can take jobs.
 */

import { drives, type RunnerAbilities } from './abilities.ts';
import type { SessionFallback } from './kinds.ts';
import type { PolicyVerdict } from './policy-verdict.ts';

/** A session as a machine last synced it. */
export interface SyncedSession {
  orpSessionId: string;
  /** The id of the session at its agent. */
  codexSessionId?: string | undefined;
  /** The agent of the session. If absent, the runner uses the default agent. */
  agent?: string | undefined;
  /** True if the runner of the machine does not drive the session's agent. */
  lacksAgent?: boolean | undefined;
  label: string;
  state: 'active' | 'closed';
  primary: boolean;
  lastActiveAt?: number | undefined;
  /** What the owner's policy says about prompts for the session. If absent, the machine has not reported it. */
  policy?: PolicyVerdict | undefined;
  /** The only idea that the session belongs to. If absent, it belongs to every idea of its repository. */
  ideaId?: string | undefined;
}

/** A linked repository of a machine, with its sessions in list order. */
export interface SyncedProject {
  machineId: string;
  projectRoot: string;
  ideaId: string;
  worldId?: string | undefined;
  sessions: readonly SyncedSession[];
}

/** The target of a job. An absent field matches any value. */
export interface JobTarget {
  machineId?: string | undefined;
  ideaId?: string | undefined;
  worldId?: string | undefined;
  projectRoot?: string | undefined;
  orpSessionId?: string | undefined;
  codexSessionId?: string | undefined;
  sessionFallback: SessionFallback;
}

export const SESSION_SOURCES = [
  /** The session that the job names. */
  'target_session',
  /** The job names no session, so it goes to the primary session of the repository. */
  'primary_session',
  /** The job names no session, and the primary session cannot take the job. */
  'first_routeable_session',
  /** The named session cannot take the job, so the primary session takes it. */
  'primary_session_fallback',
  /** Neither the named session nor the primary session can take the job. */
  'first_routeable_session_fallback',
] as const;
export type SessionSource = (typeof SESSION_SOURCES)[number];

export const FALLBACK_REASONS = [
  'missing_target_session',
  'closed_target_session',
  'target_session_missing_codex_session_id',
  'target_session_missing_agent',
] as const;
export type FallbackReason = (typeof FALLBACK_REASONS)[number];

/** The chosen session and the reason for the choice. Both are sent with the job. */
export interface Route {
  machineId: string;
  projectRoot: string;
  ideaId: string;
  worldId?: string | undefined;
  orpSessionId: string;
  codexSessionId: string;
  source: SessionSource;
  fallbackReason?: FallbackReason | undefined;
  /** What the machine has reported of its policy for the session. */
  policy?: PolicyVerdict | undefined;
}

/**
 * Returns whether a session can take jobs: it is active and has an id at its agent. (Archived sessions are never
 * synced.)
 */
export function isRouteable(session: SyncedSession): session is SyncedSession & { codexSessionId: string } {
  const { state, codexSessionId, lacksAgent } = session;
  return state === 'active' && codexSessionId !== undefined && codexSessionId !== '' && lacksAgent !== true;
}

/** Sets `lacksAgent` on each session that needs an agent which the machine's runner cannot drive. */
export function withAgents(
  projects: readonly SyncedProject[],
  abilitiesOf: (machineId: string) => RunnerAbilities | undefined,
): SyncedProject[] {
  return projects.map((project) => {
    const abilities = abilitiesOf(project.machineId);
    const lacks = ({ agent }: SyncedSession) => !drives(abilities, agent);
    if (!project.sessions.some(lacks)) return project;
    return {
      ...project,
      sessions: project.sessions.map((one) => (lacks(one) ? { ...one, lacksAgent: true } : one)),
    };
  });
}

/**
 * Returns the possible routes of a job over `projects` (all machines of its owner), best first. Returns an empty list if no
 * machine can take it. If any machine can serve the named session, no machine uses a fallback. Otherwise a prompt for one
 * conversation could run in another conversation because another machine polled first.
 */
export function routesFor(target: JobTarget, projects: readonly SyncedProject[]): Route[] {
  const matching = projects.filter((project) => isMatchingProject(target, project));
  if (target.orpSessionId === undefined && target.codexSessionId === undefined) {
    return matching.flatMap((project) => defaultRoutes(project, undefined));
  }
  const exact = matching.flatMap((project) =>
    project.sessions
      .filter((session) => isNamedSession(target, session))
      .filter(isRouteable)
      .map((session) => routeTo(project, session, { source: 'target_session' })),
  );
  if (exact.length > 0) return exact;
  if (target.sessionFallback === 'none') return [];
  return matching.flatMap((project) => defaultRoutes(project, fallbackReason(target, project)));
}

/** Returns whether a job may go to a repository, regardless of its sessions. */
export function isMatchingProject(target: JobTarget, project: SyncedProject): boolean {
  return (
    (target.machineId === undefined || target.machineId === project.machineId) &&
    (target.ideaId === undefined || target.ideaId === project.ideaId) &&
    (target.worldId === undefined || project.worldId === undefined || target.worldId === project.worldId) &&
    (target.projectRoot === undefined || target.projectRoot === project.projectRoot)
  );
}

/** Returns whether a session matches the session that a job names. If the job names no session, every session matches. */
export function isNamedSession(target: JobTarget, session: SyncedSession): boolean {
  return (
    (target.orpSessionId === undefined || target.orpSessionId === session.orpSessionId) &&
    (target.codexSessionId === undefined || target.codexSessionId === session.codexSessionId)
  );
}

/**
 * Returns the primary session, or else the first session in list order. Returns only one session, to keep one conversation.
 */
function defaultRoutes(project: SyncedProject, reason: FallbackReason | undefined): Route[] {
  const primary = project.sessions.find((session) => session.primary);
  if (primary !== undefined && isRouteable(primary)) {
    const source = reason ? 'primary_session_fallback' : 'primary_session';
    return [routeTo(project, primary, { source, reason })];
  }
  const first = project.sessions.find(isRouteable);
  if (first === undefined) return [];
  const source = reason ? 'first_routeable_session_fallback' : 'first_routeable_session';
  return [routeTo(project, first, { source, reason })];
}

function fallbackReason(target: JobTarget, project: SyncedProject): FallbackReason {
  const named = project.sessions.find((session) => isNamedSession(target, session));
  if (named === undefined) return 'missing_target_session';
  if (named.state === 'closed') return 'closed_target_session';
  return named.lacksAgent ? 'target_session_missing_agent' : 'target_session_missing_codex_session_id';
}

function routeTo(
  project: SyncedProject,
  session: SyncedSession & { codexSessionId: string },
  choice: { source: SessionSource; reason?: FallbackReason | undefined },
): Route {
  return {
    machineId: project.machineId,
    projectRoot: project.projectRoot,
    ideaId: project.ideaId,
    worldId: project.worldId,
    orpSessionId: session.orpSessionId,
    codexSessionId: session.codexSessionId,
    source: choice.source,
    fallbackReason: choice.reason,
    ...(session.policy === undefined ? {} : { policy: session.policy }),
  };
}
