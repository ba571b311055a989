/**
 * A review in the form that the compatibility routes of v0.4.4 answer. The server names the repository and the
 * session, so the worker checks both before it claims.
 */

import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { AGENT_SESSION_ID_PATTERN, pathId } from '../../../spec/ids.ts';
import { MAX_TIMEOUT_SECONDS } from '../../../spec/job/kinds.ts';
import { isObject } from '../../files/json-file.ts';
import { resolvePath } from '../../files/paths.ts';
import type { Account } from '../../records/sign-in-record.ts';
import type { Claim, ClaimedJob } from '../job/claimed-job.ts';
import type { JsonBody } from '../job/hosted-api.ts';

/** A review that can run here. */
export interface AgentJob {
  /** Of a dry run nothing is claimed yet. */
  claim: Claim;
  checkpointId: string;
  /** Absolute, symlinks resolved: the policy judges the same folder that the agent is started in. */
  cwd: string;
  /** The same folder in the words of the server. */
  projectRoot: string;
  codexSessionId: string;
}

export type AgentAnswer = { kind: 'idle' } | { kind: 'job'; found: AgentJob; isTaken: boolean } | Unusable;

/** A review that cannot run here. */
export interface Unusable {
  kind: 'unusable';
  /** Leaves the review out of the next question; blank when not even that is known. */
  projectRoot: string;
  why: string;
  isTaken: boolean;
  /** Blank when it names no usable one. */
  checkpointId: string;
}

/**
 * Reads an answer of the poll. No job is `{}`, nothing at all, or `job: null`.
 * @param account under whose sign-in the server answered
 */
export function readAgentAnswer(body: JsonBody, account: Account | undefined): AgentAnswer {
  const raw = isObject(body.job) ? body.job : body.job === undefined && hasId(body) ? body : undefined;
  if (raw === undefined) return { kind: 'idle' };
  // A server that does not know dry runs has handed the review out.
  const isTaken = body.dryRun !== true;
  const world = isObject(raw.world) ? raw.world : {};
  const checkpoint = isObject(raw.checkpoint) ? raw.checkpoint : {};
  const projectRoot = text(world.projectRoot);
  const cwd = isAbsolute(projectRoot) ? resolvePath('/', projectRoot) : '';
  const codexSessionId = text(world.codexSessionId);
  const checkpointId = text(checkpoint.id);
  const id = text(raw.id) || checkpointId;
  const why = whyUnusable({ id, checkpointId, cwd, codexSessionId });
  if (why !== undefined) {
    const known = pathId.safeParse(checkpointId).success ? checkpointId : '';
    return { kind: 'unusable', projectRoot, why, isTaken, checkpointId: known };
  }
  const leaseId = pathId.safeParse(body.leaseId).data;
  const job = readJob(id, raw, { checkpointId, projectRoot, codexSessionId });
  const claim = { job, raw, lease: leaseId === undefined ? undefined : { leaseId }, account };
  return { kind: 'job', isTaken, found: { claim, checkpointId, cwd, projectRoot, codexSessionId } };
}

interface Place {
  checkpointId: string;
  cwd: string;
  codexSessionId: string;
}

/** Undefined: it can run here. */
function whyUnusable({ id, checkpointId, cwd, codexSessionId }: Place & { id: string }): string | undefined {
  if (!pathId.safeParse(checkpointId).success) return 'it names no usable checkpoint';
  if (!pathId.safeParse(id).success) return 'it has no usable id';
  if (!AGENT_SESSION_ID_PATTERN.test(codexSessionId)) return 'its world names no usable Codex session';
  if (cwd === '') return 'its world names no repository';
  return isFolder(cwd) ? undefined : `its repository ${cwd} is not on this machine`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function readJob(
  id: string,
  raw: JsonBody,
  { checkpointId, projectRoot, codexSessionId }: Omit<Place, 'cwd'> & { projectRoot: string },
): ClaimedJob {
  const { timeoutSeconds } = raw;
  const isLimit = Number.isInteger(timeoutSeconds) && Number(timeoutSeconds) > 0;
  return {
    id,
    kind: text(raw.kind) || text(raw.intent) || 'idea.checkpoint',
    attempt: 1,
    prompt: text(raw.prompt),
    createdBy: text(raw.createdBy) || undefined,
    checkpointId,
    projectRoot,
    codexSessionId,
    timeoutSeconds: isLimit ? Math.min(Number(timeoutSeconds), MAX_TIMEOUT_SECONDS) : undefined,
  };
}

function hasId(body: JsonBody): boolean {
  return text(body.id) !== '' || isObject(body.checkpoint);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
