/**
 * Reads the answer to a poll. A value may be in several places of the answer. It must be valid, because the runner uses ids
 * from the server in paths and in program arguments.
 */

import * as z from 'zod/mini';
import { pathId } from '../../../spec/ids.ts';
import { MAX_TIMEOUT_SECONDS, USAGE_LIMIT_POLICIES } from '../../../spec/job/kinds.ts';
import { FALLBACK_REASONS, SESSION_SOURCES } from '../../../spec/job/routing.ts';
import type { Account } from '../../records/sign-in-record.ts';
import type { UsageTerms } from '../spool/records.ts';
import type { JsonBody } from './hosted-api.ts';

/** The lease under which a job was handed out. */
export interface Lease {
  leaseId: string;
  expiresAt?: string | undefined;
}

/** The session that the server chose, and why. */
export interface ServiceChoice {
  source: (typeof SESSION_SOURCES)[number];
  fallbackReason?: (typeof FALLBACK_REASONS)[number] | undefined;
}

export interface ClaimedJob {
  id: string;
  /** The kind, which may be any string. A job of an unknown kind fails and is not ignored. */
  kind: string;
  attempt: number;
  prompt: string;
  /** The name of the account that sent the job, from the server. */
  createdBy?: string | undefined;
  ideaId?: string | undefined;
  worldId?: string | undefined;
  checkpointId?: string | undefined;
  projectRoot?: string | undefined;
  orpSessionId?: string | undefined;
  codexSessionId?: string | undefined;
  timeoutSeconds?: number | undefined;
  sessionFallback?: 'primary' | 'none' | undefined;
  choice?: ServiceChoice | undefined;
  /** The leases that may have entered the prompt since a person last queued or retried the job. */
  earlierLeases?: readonly string[] | undefined;
  /** What to do at a usage limit. Absent if the server does not send it. */
  usage?: UsageTerms | undefined;
}

/** A job that this runner has claimed. */
export interface Claim {
  job: ClaimedJob;
  /** The unchanged answer of the server. */
  raw: JsonBody;
  /** Absent if the server has no leases. */
  lease?: Lease | undefined;
  /** The account that claimed the job. */
  account?: Account | undefined;
}

export type PollAnswer =
  | { kind: 'idle' }
  /** `lease` is absent on a dry run. */
  | { kind: 'job'; job: ClaimedJob; lease?: Lease | undefined; raw: Record<string, unknown> }
  | { kind: 'malformed'; message: string };

type Fields = Record<string, unknown>;

/** Reads a 2xx body of the poll route. */
export function readPollAnswer(body: unknown): PollAnswer {
  const answer = fields(body);
  const raw = 'job' in answer ? fields(answer.job) : text(answer, 'id') ? answer : {};
  if (Object.keys(raw).length === 0) return { kind: 'idle' };
  const id = pathId.safeParse(text(raw, 'id'));
  if (!id.success) return { kind: 'malformed', message: 'the server handed out a job whose id is invalid' };
  const leaseId = readLeaseId(answer, raw);
  if (leaseId !== undefined && !pathId.safeParse(leaseId).success) {
    return { kind: 'malformed', message: `job ${id.data} came with an invalid lease id` };
  }
  const lease = leaseId === undefined ? undefined : { leaseId, expiresAt: readExpiry(answer, raw) };
  return { kind: 'job', job: readJob(id.data, raw), lease, raw };
}

function readJob(id: string, raw: Fields): ClaimedJob {
  const payload = fields(raw.payload);
  const project = fields(raw.project);
  const session = fields(raw.session);
  const inside = (name: string, ...places: Fields[]) => firstText(name, places);
  return {
    id,
    kind: text(raw, 'kind') ?? '',
    attempt: positive(raw.attempt, Number.MAX_SAFE_INTEGER) ?? 1,
    prompt: (textAsIs(payload, 'prompt') ?? textAsIs(raw, 'prompt') ?? '').trim(),
    createdBy: text(raw, 'createdBy') ?? text(raw, 'created_by'),
    ideaId: inside('ideaId', raw, payload, project, session),
    worldId: inside('worldId', payload, project, session),
    checkpointId: inside('checkpointId', raw, payload),
    projectRoot: inside('projectRoot', payload, project, session),
    orpSessionId: inside('orpSessionId', payload, session),
    codexSessionId: inside('codexSessionId', payload, session),
    timeoutSeconds: positive(raw.timeoutSeconds, MAX_TIMEOUT_SECONDS),
    sessionFallback: z.enum(['primary', 'none']).safeParse(raw.sessionFallback).data,
    choice: serviceChoice.safeParse(raw.selection).data,
    earlierLeases: z.array(pathId).check(z.maxLength(MOST_LEASES)).safeParse(raw.earlierLeases).data,
    usage: readUsageTerms(raw),
  };
}

function readUsageTerms(raw: Fields): UsageTerms | undefined {
  const policy = z.enum(USAGE_LIMIT_POLICIES).safeParse(raw.onUsageLimit).data;
  const expiresAt = Date.parse(text(raw, 'expiresAt') ?? '');
  if (policy === undefined || Number.isNaN(expiresAt)) return undefined;
  return { policy, waits: positive(raw.usageWaits, Number.MAX_SAFE_INTEGER) ?? 0, expires_at: expiresAt };
}

/** The maximum number of leases. A job has fewer, because it has at most 20 automatic attempts. */
const MOST_LEASES = 100;

const serviceChoice = z.object({
  source: z.enum(SESSION_SOURCES),
  fallbackReason: z.optional(z.enum(FALLBACK_REASONS)),
});

function readLeaseId(answer: Fields, raw: Fields): string | undefined {
  const direct = firstText('leaseId', [answer, raw, fields(raw.payload)]);
  const lease = fields(answer.lease);
  return direct ?? text(lease, 'id') ?? firstText('leaseId', [lease]);
}

function readExpiry(answer: Fields, raw: Fields): string | undefined {
  const direct = firstText('leaseExpiresAt', [answer, raw, fields(raw.payload)]);
  const lease = fields(answer.lease);
  return direct ?? text(lease, 'expiresAt') ?? text(lease, 'lease_expires_at');
}

/** Returns the value from the first place that has the name, in camelCase or snake_case. */
function firstText(name: string, places: readonly Fields[]): string | undefined {
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  for (const place of places) {
    const found = text(place, name) ?? text(place, snake);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns a non-blank string. Treats `null`, blank text and other types as absent. */
function text(place: Fields, name: string): string | undefined {
  const value = textAsIs(place, name)?.trim();
  return value === '' ? undefined : value;
}

function textAsIs(place: Fields, name: string): string | undefined {
  const value = place[name];
  return typeof value === 'string' ? value : undefined;
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function positive(value: unknown, limit: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0
    ? Math.min(value, limit)
    : undefined;
}
