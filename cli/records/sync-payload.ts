/** Builds the body of a sync: the linked repositories of this machine. */

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { BodyInput } from '../../spec/contract/endpoint.ts';
import type { syncMachine } from '../../spec/contract/runner.ts';
import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import { isRouteable } from '../../spec/local/session-order.ts';
import { CliError } from '../base/exit.ts';
import { resolvePath } from '../files/paths.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { isLinkable, type LinkableRepository, resolveRepo } from '../git/repository.ts';
import { bindCommand } from '../output/advice.ts';
import { belongsTo } from './moved.ts';
import { invalidLink, type ProjectLink, readProjectLinkFile } from './project-link.ts';
import { invalidSession, readSessions, type StoredSession } from './sessions/sessions.ts';

export type SyncPayload = BodyInput<typeof syncMachine>;

const SKIP_REASONS = [
  'missing',
  'not_git_repo',
  'not_linked',
  'linked_email_mismatch',
  /** The link names another folder, so the repository has moved. */
  'project_root_mismatch',
  /** All sessions that could take jobs name another folder. */
  'session_project_root_mismatch',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** A linked repository with its sessions. */
export interface LinkedRepository {
  repository: LinkableRepository;
  link: ProjectLink;
  /** Valid sessions, in list order. */
  sessions: StoredSession[];
}

/** The result for each candidate root, in order. */
export type Candidate =
  | { kind: 'linked'; root: string; linked: LinkedRepository }
  /** A record is unreadable, so its contents are unknown (not empty). */
  | { kind: 'unreadable'; root: string; trouble: CliError }
  /** Includes the link if it names another folder. */
  | { kind: 'skipped'; root: string; reason: SkipReason; link?: ProjectLink };

export interface CandidateRoots {
  /** `--repo-root` first, then the others in order, without duplicates. */
  roots: readonly string[];
  env: NodeJS.ProcessEnv;
  now: number;
  /** Skips repositories that another account linked. If empty or absent, no repository is skipped. */
  email?: string | undefined;
}

/** Inspects every candidate root. A missing one is skipped and is not an error. */
export async function inspectRoots(options: CandidateRoots): Promise<Candidate[]> {
  const roots = [...new Set(options.roots.map((root) => resolvePath(process.cwd(), root)))];
  return Promise.all(roots.map((root) => inspectRoot(root, options)));
}

async function inspectRoot(root: string, options: CandidateRoots): Promise<Candidate> {
  if (!existsSync(root)) return { kind: 'skipped', root, reason: 'missing' };
  const repository = await resolveRepo(root, options.env);
  if (!isLinkable(repository)) return { kind: 'skipped', root, reason: 'not_git_repo' };
  const file = readProjectLinkFile(repository, options.now);
  if (file.kind === 'absent') return { kind: 'skipped', root, reason: 'not_linked' };
  if (file.kind === 'invalid') return { kind: 'unreadable', root, trouble: invalidLink(repository) };
  const { link } = file;
  if (isForeign(link, options.email)) return { kind: 'skipped', root, reason: 'linked_email_mismatch' };
  const { sessions, invalidPaths } = readSessions(repository, options.now);
  if (invalidPaths[0] !== undefined) {
    return { kind: 'unreadable', root, trouble: invalidSession(invalidPaths[0]) };
  }
  if (!(await belongsTo(repository, link.project_root, options.env))) {
    return { kind: 'skipped', root, reason: 'project_root_mismatch', link };
  }
  const here = await sessionsHere(repository, sessions, options.env);
  if (!here.some(isUsable) && sessions.some(isUsable)) {
    return { kind: 'skipped', root, reason: 'session_project_root_mismatch' };
  }
  return { kind: 'linked', root, linked: { repository, link, sessions: here } };
}

function isUsable({ record }: StoredSession): boolean {
  return isRouteable(record);
}

/** The sessions that belong to this repository. */
async function sessionsHere(
  repository: LinkableRepository,
  sessions: readonly StoredSession[],
  env: NodeJS.ProcessEnv,
): Promise<StoredSession[]> {
  const isHere = await Promise.all(
    sessions.map(({ record }) => belongsTo(repository, record.project_root, env)),
  );
  return sessions.filter((_, at) => isHere[at]);
}

/**
 * A sync replaces the server's data about this machine. With an unreadable record, it would silently remove what that record
 * describes.
 */
export function requireReadable(candidates: readonly Candidate[]): void {
  for (const candidate of candidates) if (candidate.kind === 'unreadable') throw candidate.trouble;
}

/** The error for a repository that is skipped because it has moved. Returns undefined for other candidates. */
export function movedRepository(candidate: Candidate): CliError | undefined {
  if (candidate.kind !== 'skipped') return undefined;
  const { root, reason, link } = candidate;
  if (link !== undefined) {
    return new CliError(
      `The repository ${root} has moved since it was linked: its link names ${link.project_root}.`,
      {
        code: reason,
        hint: `Run \`orp link doctor --fix\` in it. If it is a copy of the linked repository, run \`${bindCommand(link.idea_id)}\` in it instead.`,
      },
    );
  }
  if (reason !== 'session_project_root_mismatch') return undefined;
  return new CliError(`The sessions of ${root} belong to another folder.`, {
    code: reason,
    hint: 'Run `orp link doctor --fix` in it, or register the sessions again. `orp link status` shows the commands.',
  });
}

/** The warning about a listed root that is no longer a linked repository. Returns undefined for other candidates. */
export function unlinkedRepository(candidate: Candidate): string | undefined {
  if (candidate.kind !== 'skipped') return undefined;
  const { root, reason } = candidate;
  if (reason === 'not_git_repo') {
    return `${root} was linked, but is not a git repository any more. It takes no work until it is linked again.`;
  }
  if (reason !== 'not_linked') return undefined;
  return `${root} was linked, but its link is gone (a new .git folder has none). Run \`orp link project bind\` in it.`;
}

function isForeign(link: ProjectLink, email: string | undefined): boolean {
  if (!email || !link.linked_email) return false;
  return link.linked_email.toLowerCase() !== email.toLowerCase();
}

/** The facts that a sync contains in addition to the records. */
export interface SyncFacts {
  appVersion: string;
  now: number;
  /** True if the server knows sessions of other agents. */
  takesAgents?: boolean;
  /** Returns what the owner's policy says about prompts for a session. Absent if the server does not ask. */
  verdictOf?: (place: SessionPlace) => SessionPayload['policy'] | undefined;
}

/** The place of a session, as the rules of the policy name it. */
interface SessionPlace {
  repository: string;
  cwd: string;
  sessions: readonly string[];
}

/** Builds the body of a sync. Omits archived sessions; closed ones are sent as closed. */
export function buildSyncPayload(
  machine: RunnerMachine,
  linked: readonly LinkedRepository[],
  told: SyncFacts,
): SyncPayload {
  const syncedAt = formatTimestamp(told.now);
  return {
    machineId: machine.machine_id,
    machineName: machine.machine_name,
    platform: machine.platform,
    appVersion: told.appVersion,
    syncedAt,
    linkedProjects: distinctBy(
      linked.map(({ link }) => projectOf(link, syncedAt)),
      (project) => [project.projectRoot, project.ideaId, project.worldId],
    ),
    sessions: distinctBy(
      linked.flatMap((repository) =>
        repository.sessions
          .filter(({ record }) => !record.archived)
          .map((session) => sessionOf(repository, session, told)),
      ),
      (session) => [session.projectRoot, session.orpSessionId],
    ),
  };
}

type ProjectPayload = SyncPayload['linkedProjects'][number];
type SessionPayload = SyncPayload['sessions'][number];

function projectOf(link: ProjectLink, syncedAt: string): ProjectPayload {
  const name = basename(link.project_root);
  return {
    ideaId: link.idea_id,
    ideaTitle: link.idea_title ?? name,
    worldId: link.world_id ?? null,
    worldName: link.world_name ?? null,
    projectName: name,
    projectRoot: link.project_root,
    githubUrl: link.github_url ?? null,
    lastOpenedAt: syncedAt,
  };
}

/** Omits the id for a server without agent support, because that server might give the session's jobs to an older runner. */
function sessionOf(
  { link, repository }: LinkedRepository,
  { record }: StoredSession,
  { takesAgents = false, verdictOf }: SyncFacts,
): SessionPayload {
  const { agent, codex_session_id: id, orp_session_id: orpSessionId } = record;
  const policy = verdictOf?.({
    repository: repository.root,
    cwd: record.project_root,
    sessions: [orpSessionId, ...(id ? [id] : [])],
  });
  return {
    ideaId: link.idea_id,
    worldId: link.world_id ?? null,
    projectRoot: link.project_root,
    orpSessionId,
    codexSessionId: agent === undefined || takesAgents ? (id ?? null) : null,
    ...(agent !== undefined && takesAgents ? { agent } : {}),
    label: record.label,
    state: record.state,
    primary: record.primary,
    lastActiveAt: record.last_active_at_utc,
    ...(policy === undefined ? {} : { policy }),
  };
}

/** Two roots inside one checkout share their link state, so each project and session is sent once. */
function distinctBy<T>(items: readonly T[], keyOf: (item: T) => readonly unknown[]): T[] {
  const byKey = new Map<string, T>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    if (!byKey.has(key)) byKey.set(key, item);
  }
  return [...byKey.values()];
}
