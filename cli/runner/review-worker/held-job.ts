/**
 * Reads a review from the answers of the v0.4.4 routes. The server chooses the repository and the session, so the worker
 * checks both before it claims.
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
  /** The claim. After a dry run, the review is not claimed yet. */
  claim: Claim;
  checkpointId: string;
  /** An absolute path with symlinks resolved. The policy judges this folder, and the agent starts in it. */
  cwd: string;
  /** The folder in the spelling of the server. */
  projectRoot: string;
  codexSessionId: string;
}

export type AgentAnswer = { kind: 'idle' } | { kind: 'job'; found: AgentJob; isTaken: boolean } | Unusable;

/** A review that cannot run here. */
export interface Unusable {
  kind: 'unusable';
  /** The repository to exclude from the next request. Blank if unknown. */
  projectRoot: string;
  why: string;
  isTaken: boolean;
  /** Blank if the review names no valid checkpoint. */
  checkpointId: string;
}

/**
 * Reads an answer to the poll. `{}`, an empty answer and `job: null` mean that there is no job.
 * @param account the account that sent the poll
 */
export function readAgentAnswer(body: JsonBody, account: Account | undefined): AgentAnswer {
  const raw = isObject(body.job) ? body.job : body.job === undefined && hasId(body) ? body : undefined;
  if (raw === undefined) return { kind: 'idle' };
  // A server without dry runs has handed out the review.
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

/** Returns why the review cannot run here, or undefined if it can. */
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
