/**
 * Chooses the repository, and then the session, for a claimed job on this machine. Pure.
 * The server has already chosen from the synced data; this second choice uses the current local records.
 * docs/decisions/0023-where-routing-differs-from-v0-4-4.md lists the differences from v0.4.4 and the reasons.
 */

import { AGENT_SESSION_ID_PATTERN } from '../../../spec/ids.ts';
import type { FallbackReason } from '../../../spec/job/routing.ts';
import { whyNotDriven } from '../../records/sessions/session-record.ts';
import type { ClaimedJob } from './claimed-job.ts';

/** The facts of a linked repository that routing needs. */
export interface LocalRepository {
  root: string;
  project: { idea_id: string; project_root: string; world_id?: string | undefined };
  /** In list order: primary first, newest first. */
  sessions: readonly LocalSession[];
}

export interface LocalSession {
  orp_session_id: string;
  label: string;
  state: 'active' | 'closed';
  project_root: string;
  archived: boolean;
  primary: boolean;
  codex_session_id?: string | undefined;
  agent?: string | undefined;
}

/** The target values of a job, as in the JSON output. */
export interface JobTarget {
  job_id: string;
  kind: string;
  checkpoint_id: string;
  idea_id: string;
  world_id: string;
  project_root: string;
  orp_session_id: string;
  codex_session_id: string;
  prompt: string;
}

export type MatchField = 'orp_session_id' | 'codex_session_id' | 'project_root' | 'world_id' | 'idea_id';

export interface RepoSelection {
  source: 'job_target_match' | 'default_repo_root' | 'first_linked_repo' | 'none';
  score?: number;
  matched_fields?: MatchField[];
  error?: string;
  target: JobTarget;
}

export type RepoChoice<Repo extends LocalRepository> =
  | { kind: 'chosen'; repository: Repo; selection: RepoSelection }
  | { kind: 'none'; selection: RepoSelection & { error: string } };

/** The weights from the contract. Each weight is larger than the sum of all smaller weights, except the first two. */
const SCORES = {
  orp_session_id: 8,
  codex_session_id: 6,
  project_root: 4,
  world_id: 2,
  idea_id: 1,
} as const satisfies Record<MatchField, number>;

/** The target block of a job. Absent values are empty. */
export function targetOf(job: ClaimedJob): JobTarget {
  return {
    job_id: job.id,
    kind: job.kind,
    checkpoint_id: job.checkpointId ?? '',
    idea_id: job.ideaId ?? '',
    world_id: job.worldId ?? '',
    project_root: job.projectRoot ?? '',
    orp_session_id: job.orpSessionId ?? '',
    codex_session_id: job.codexSessionId ?? '',
    prompt: job.prompt,
  };
}

/**
 * Chooses among the linked repositories, in the order of the roots.
 * @param defaultRoot the root of `--repo-root`
 */
export function selectRepository<Repo extends LocalRepository>(
  job: ClaimedJob,
  repositories: readonly Repo[],
  defaultRoot: string,
): RepoChoice<Repo> {
  const target = targetOf(job);
  const isNamed = (Object.keys(SCORES) as MatchField[]).some((field) => target[field] !== '');
  if (!isNamed) return selectDefault(target, repositories, defaultRoot);

  let best: { repository: Repo; fields: MatchField[]; score: number } | undefined;
  for (const repository of repositories) {
    const fields = matchFields(target, repository);
    const score = fields.reduce((sum, field) => sum + SCORES[field], 0);
    if (score > (best?.score ?? 0)) best = { repository, fields, score };
  }
  if (best === undefined) {
    const error = 'The job does not target any linked repo on this machine.';
    return { kind: 'none', selection: { source: 'none', error, target } };
  }
  const { repository, fields, score } = best;
  return {
    kind: 'chosen',
    repository,
    selection: { source: 'job_target_match', score, matched_fields: fields, target },
  };
}

function selectDefault<Repo extends LocalRepository>(
  target: JobTarget,
  repositories: readonly Repo[],
  defaultRoot: string,
): RepoChoice<Repo> {
  const atDefault = repositories.find((one) => one.root === defaultRoot);
  const repository = atDefault ?? repositories[0];
  if (repository === undefined) {
    const error = 'No repository on this machine is linked.';
    return { kind: 'none', selection: { source: 'none', error, target } };
  }
  const source = atDefault ? 'default_repo_root' : 'first_linked_repo';
  return { kind: 'chosen', repository, selection: { source, score: 0, matched_fields: [], target } };
}

/** Returns the matching fields, or none if the job names another place. */
function matchFields(target: JobTarget, { project, sessions }: LocalRepository): MatchField[] {
  const places = [
    ['project_root', project.project_root],
    ['world_id', project.world_id ?? ''],
    ['idea_id', project.idea_id],
  ] as const;
  const known = places.filter(([field, value]) => target[field] !== '' && value !== '');
  if (known.some(([field, value]) => target[field] !== value)) return [];
  const named = (['orp_session_id', 'codex_session_id'] as const).filter(
    (field) => target[field] !== '' && sessions.some((session) => session[field] === target[field]),
  );
  return [...named, ...known.map(([field]) => field)];
}

export type LocalSessionSource =
  | 'explicit_orp_session_id'
  | 'primary_session'
  | 'first_routeable_session'
  | 'primary_session_fallback'
  | 'first_routeable_session_fallback';

/** Only the machine can give this reason, because archived sessions are not synced. */
export type LocalFallbackReason = FallbackReason | 'archived_target_session';

export interface SessionSelection {
  source: LocalSessionSource;
  targeted: boolean;
  fallback_reason?: LocalFallbackReason;
  requested_orp_session_id?: string;
}

export type SessionChoice<Session extends LocalSession> =
  | { kind: 'chosen'; session: Session; codexSessionId: string; selection: SessionSelection }
  | { kind: 'none'; reason?: LocalFallbackReason; error: string };

/** Chooses the session inside the repository. */
export function selectSession<Session extends LocalSession>(
  job: ClaimedJob,
  sessions: readonly Session[],
): SessionChoice<Session> {
  const requested = job.orpSessionId ?? job.codexSessionId;
  if (requested === undefined) return selectFallback(sessions, undefined);

  const named = findNamed(job, sessions);
  // Always the id in this machine's records, so that a server cannot redirect a session to another conversation.
  const codexSessionId = named?.codex_session_id;
  const reason = whyUnusable(named, codexSessionId);
  if (named !== undefined && codexSessionId !== undefined && reason === undefined) {
    return { kind: 'chosen', session: named, codexSessionId, selection: describeNamed(job) };
  }
  const fallbackReason = reason ?? 'missing_target_session';
  if (!mayFallBack(job)) {
    const error = (named && whyNotDriven(named)) ?? unusableSentence(requested, fallbackReason);
    return { kind: 'none', reason: fallbackReason, error };
  }
  return selectFallback(sessions, { fallback_reason: fallbackReason, ...requestedOf(job) });
}

/** If the job names both ids, they must belong to one session, so that a prompt never reaches another conversation. */
function findNamed<Session extends LocalSession>(
  job: ClaimedJob,
  sessions: readonly Session[],
): Session | undefined {
  if (job.orpSessionId === undefined) {
    return sessions.find((session) => session.codex_session_id === job.codexSessionId);
  }
  const named = sessions.find((session) => session.orp_session_id === job.orpSessionId);
  const isAnother =
    job.codexSessionId !== undefined &&
    named?.codex_session_id !== undefined &&
    named.codex_session_id !== job.codexSessionId;
  return isAnother ? undefined : named;
}

function whyUnusable(
  session: LocalSession | undefined,
  codexId: string | undefined,
): LocalFallbackReason | undefined {
  if (session === undefined) return 'missing_target_session';
  if (session.archived) return 'archived_target_session';
  if (session.state !== 'active') return 'closed_target_session';
  if (codexId === undefined || !AGENT_SESSION_ID_PATTERN.test(codexId)) {
    return 'target_session_missing_codex_session_id';
  }
  return undefined;
}

/** v0.4.4 servers send no choice and always allow the fallback. Otherwise, the sender decides. */
function mayFallBack(job: ClaimedJob): boolean {
  if (job.sessionFallback !== undefined) return job.sessionFallback === 'primary';
  return job.choice?.source !== 'target_session';
}

/** If the server chose the session, show the server's reason, and do not say that the job named the session. */
function describeNamed(job: ClaimedJob): SessionSelection {
  const source = job.choice?.source ?? 'target_session';
  if (source === 'target_session') {
    return { source: 'explicit_orp_session_id', targeted: true, ...requestedOf(job) };
  }
  const reason = job.choice?.fallbackReason;
  if (reason === undefined) return { source, targeted: false };
  return { source, targeted: true, fallback_reason: reason };
}

function requestedOf({ orpSessionId }: ClaimedJob): Pick<SessionSelection, 'requested_orp_session_id'> {
  return orpSessionId === undefined ? {} : { requested_orp_session_id: orpSessionId };
}

function selectFallback<Session extends LocalSession>(
  sessions: readonly Session[],
  missed: { fallback_reason: LocalFallbackReason; requested_orp_session_id?: string } | undefined,
): SessionChoice<Session> {
  const routeable = sessions.filter(
    (session) => whyUnusable(session, session.codex_session_id) === undefined,
  );
  const primary = routeable.find((session) => session.primary);
  const session = primary ?? routeable[0];
  if (session?.codex_session_id === undefined) {
    const error = 'The repository has no active session with a Codex session id.';
    return missed === undefined
      ? { kind: 'none', error }
      : { kind: 'none', reason: missed.fallback_reason, error };
  }
  const source = primary ? ('primary_session' as const) : ('first_routeable_session' as const);
  const selection: SessionSelection =
    missed === undefined
      ? { source, targeted: false }
      : { source: `${source}_fallback`, targeted: true, ...missed };
  return { kind: 'chosen', session, codexSessionId: session.codex_session_id, selection };
}

function unusableSentence(requested: string, reason: LocalFallbackReason): string {
  switch (reason) {
    case 'missing_target_session':
      return `Session ${requested} is not registered in this repository.`;
    case 'archived_target_session':
      return `Session ${requested} is archived.`;
    case 'closed_target_session':
      return `Session ${requested} is closed.`;
    case 'target_session_missing_agent':
    case 'target_session_missing_codex_session_id':
      return `Session ${requested} has no usable Codex session id.`;
  }
}
