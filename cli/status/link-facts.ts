/** The facts of a repository for `link status`, `link doctor` and `runner status`. */

import type { AgentProblem } from '../agents/codex-program.ts';
import { CliError, messageOf } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { type JsonObject, readJsonObject } from '../files/json-file.ts';
import { machinePath, stateFolder, userFolder } from '../files/paths.ts';
import { openness } from '../files/private-folder.ts';
import { isLinkable, type Repository } from '../git/repository.ts';
import { belongsTo } from '../records/moved.ts';
import { type ProjectLink, type ProjectLinkFile, readProjectLinkFile } from '../records/project-link.ts';
import { readSessions, type SessionShelf, type StoredSession } from '../records/sessions/sessions.ts';
import { isRemoteSessionTorn, type RemoteSession, readRemoteSession } from '../records/sign-in-record.ts';
import { readGovernance } from './governance.ts';

/** The world on the server: its fields, or the error of the request. */
export type HostedWorld =
  | { kind: 'not_asked' }
  | { kind: 'known'; world: JsonObject }
  /** `isGone` is true if the server does not have the idea, or if the idea belongs to another account. */
  | { kind: 'failed'; error: string; isGone: boolean };

export interface LinkFacts {
  repository: Repository;
  linkFile: ProjectLinkFile;
  /** The link, if it is valid. */
  link: ProjectLink | undefined;
  shelf: SessionShelf;
  /** The session for jobs that name none. */
  primary: StoredSession | undefined;
  account: RemoteSession;
  /** The sign-in file exists but is unreadable. */
  isAccountTorn: boolean;
  world: HostedWorld;
  governance: JsonObject;
  openFolders: OpenFolder[];
  /** Why the installed agent cannot run jobs. A missing agent is a problem only on a linked, enabled machine. */
  agentProblem: AgentProblem | undefined;
  /** True if the link names this repository, or if there is no link. */
  isLinkHere: boolean;
  /** Paths of session files that name another repository. */
  movedSessions: ReadonlySet<string>;
}

/** A private folder that other users can read or write. */
export interface OpenFolder {
  path: string;
  mayWrite: boolean;
}

export interface FactsSource {
  repository: Repository;
  configPath: string;
  env: NodeJS.ProcessEnv;
  now: number;
  /** Requests the world of an idea from the server. Absent if no request is allowed. */
  fetchWorld?: ((ideaId: string) => Promise<JsonObject>) | undefined;
}

/** Gathers the facts with at most one request to the server. A failed request becomes a fact, too. */
export async function gatherFacts(source: FactsSource): Promise<LinkFacts> {
  const { repository, env, now } = source;
  const linkFile: ProjectLinkFile = isLinkable(repository)
    ? readProjectLinkFile(repository, now)
    : { kind: 'absent' };
  const link = linkFile.kind === 'linked' ? linkFile.link : undefined;
  const shelf: SessionShelf = isLinkable(repository)
    ? readSessions(repository, now)
    : { sessions: [], invalidPaths: [] };
  const account = readRemoteSession(env);
  const [isLinkHere, movedSessions, world, governance, agentProblem] = await Promise.all([
    link === undefined || !isLinkable(repository) || belongsTo(repository, link.project_root, env),
    findMovedSessions(repository, shelf, env),
    link === undefined || account.token === '' ? notAsked : askWorld(link, source),
    readGovernance(source),
    findProblem(source, link !== undefined && mayNeedCodex(shelf)),
  ]);
  const primary = shelf.sessions.find((session) => session.record.primary);
  return {
    repository,
    linkFile,
    link,
    shelf,
    primary,
    account,
    isAccountTorn: isRemoteSessionTorn(env),
    world,
    governance,
    openFolders: findOpenFolders(env),
    agentProblem,
    isLinkHere,
    movedSessions,
  };
}

async function findProblem({ env }: FactsSource, isLinked: boolean): Promise<AgentProblem | undefined> {
  const { findAgentProblem } = await import('../agents/codex-program.ts');
  const problem = await findAgentProblem({ env });
  const isToWork = isLinked && readJsonObject(machinePath(env))?.runner_enabled === true;
  return problem?.code === 'agent_missing' && !isToWork ? undefined : problem;
}

/** Sessions of other agents alone do not need Codex. */
function mayNeedCodex({ sessions }: SessionShelf): boolean {
  return sessions.length === 0 || sessions.some(({ record }) => record.agent === undefined);
}

async function findMovedSessions(
  repository: Repository,
  { sessions }: SessionShelf,
  env: NodeJS.ProcessEnv,
): Promise<Set<string>> {
  const moved = new Set<string>();
  if (!isLinkable(repository)) return moved;
  for (const { record, path } of sessions) {
    if (!(await belongsTo(repository, record.project_root, env))) moved.add(path);
  }
  return moved;
}

/** The folders of the sign-in, the machine record, the spool and the logs. */
function findOpenFolders(env: NodeJS.ProcessEnv): OpenFolder[] {
  return [userFolder(env), stateFolder(env)].flatMap((path) => {
    const reach = openness(path);
    return reach === undefined ? [] : [{ path, mayWrite: reach === 'write' }];
  });
}

/** The problem, as a sentence. */
export function openFolderSentence({ path, mayWrite }: OpenFolder): string {
  return `Other users of this computer can ${mayWrite ? 'write to' : 'access'} ${path}, which contains your sign-in or your work.`;
}

/** The command that fixes the permissions. */
export function closeFolderCommand({ path }: OpenFolder): string {
  return `chmod 700 ${shellWord(path)}`;
}

const notAsked: HostedWorld = { kind: 'not_asked' };

async function askWorld(link: ProjectLink, source: FactsSource): Promise<HostedWorld> {
  if (source.fetchWorld === undefined) return notAsked;
  try {
    return { kind: 'known', world: await source.fetchWorld(link.idea_id) };
  } catch (error) {
    const isGone = error instanceof CliError && error.details.status === 404;
    return { kind: 'failed', error: messageOf(error), isGone };
  }
}
