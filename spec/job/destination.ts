/**
 * Sentences for a sender whose job does not go to the named target: another session answers, or the job waits for a session
 * or repository that no machine has synced. They are derived from the routing rules, so they match what a claim will do.
 */

import type { JobTarget, Route, SyncedProject, SyncedSession } from './routing.ts';
import { isMatchingProject, isNamedSession, routesFor } from './routing.ts';

/** Names machines for people. */
export type NameOf = (machineId: string) => string;

/**
 * The sentence about a fallback, if the named session cannot take the job and another session will. Returns undefined if the
 * job goes to the named session, or if no session can take it yet.
 */
export function fallbackNote(
  target: JobTarget,
  projects: readonly SyncedProject[],
  nameOf: NameOf,
): string | undefined {
  const routes = routesFor(target, projects);
  if (!routes.some((route) => route.fallbackReason !== undefined)) return undefined;
  const answers = answerersOf(routes, projects, nameOf);
  return `${whyNotNamed(target, projects)}; ${answers} will answer.`;
}

/** Explains why the named session cannot take the job. Returns a clause without a period. */
export function whyNotNamed(target: JobTarget, projects: readonly SyncedProject[]): string {
  const named = projects
    .filter((project) => isMatchingProject(target, project))
    .flatMap((project) => project.sessions.filter((session) => isNamedSession(target, session)));
  const known = named.find((session) => session.state === 'active') ?? named[0];
  if (known?.state === 'closed') return `Session ${nameOfSession(known)} is closed`;
  if (known?.lacksAgent) return lacksAgent(known);
  if (known !== undefined) return `Session ${nameOfSession(known)} has no Codex session id`;
  const { orpSessionId, codexSessionId } = target;
  if (orpSessionId === undefined) return `No synced session has the Codex session id ${codexSessionId}`;
  const also = codexSessionId === undefined ? '' : ` and has the Codex session id ${codexSessionId}`;
  return `No synced session is called ${orpSessionId}${also}`;
}

/** Explains in a sentence why no session of an agent can take a job that names no session. */
export function whyNoAgent(target: JobTarget, projects: readonly SyncedProject[]): string | undefined {
  const session = projects
    .filter((project) => isMatchingProject(target, project))
    .flatMap((project) => project.sessions)
    .find((one) => one.state === 'active' && one.lacksAgent);
  return session && `${lacksAgent(session)}. Update orp there and restart the runner.`;
}

function lacksAgent(session: SyncedSession): string {
  return `Session ${nameOfSession(session)} is a session of the agent ${session.agent}, which no runner there drives`;
}

/** Explains in a sentence why no repository matches the target of the job. */
export function whyNoRepository(target: JobTarget, nameOf: NameOf): string {
  const { machineId, projectRoot, ideaId, worldId } = target;
  const who = machineId === undefined ? 'No machine has' : `${nameOf(machineId)} has not`;
  const what = projectRoot === undefined ? 'a repository' : `the repository ${projectRoot}`;
  const forIdea = ideaId === undefined ? '' : ` of idea ${ideaId}`;
  const forWorld = worldId === undefined ? '' : ` in world ${worldId}`;
  return `${who} linked and synced ${what}${forIdea}${forWorld}.`;
}

function answerersOf(routes: readonly Route[], projects: readonly SyncedProject[], nameOf: NameOf): string {
  const names = routes.map((route) => {
    const session = sessionOf(route, projects);
    return routes.length === 1 ? session : `${session} on ${nameOf(route.machineId)}`;
  });
  const [first = '', ...others] = [...new Set(names)];
  if (others.length === 0) return first;
  return others.length === 1 ? `${first} or ${others[0]}` : `${first} or one of ${others.length} others`;
}

function sessionOf({ machineId, projectRoot, orpSessionId }: Route, projects: readonly SyncedProject[]) {
  const session = projects
    .filter((project) => project.machineId === machineId && project.projectRoot === projectRoot)
    .flatMap((project) => project.sessions)
    .find((one) => one.orpSessionId === orpSessionId);
  return session === undefined ? orpSessionId : nameOfSession(session);
}

function nameOfSession({ label, orpSessionId }: SyncedSession): string {
  return label.trim() || orpSessionId;
}
