/** The audit log: who changed what, when and from where. The server reads the history of a job from this log. */

import { BOUNDS } from '../../spec/bounds.ts';
import type { AuditAction } from '../../spec/overview/audit.ts';
import type { Database, Statement } from './database.ts';
import { join, raw, sql } from './database.ts';

/** The actions about one job. */
type JobAction = Extract<AuditAction, 'cancel' | 'retry' | 'stopped' | 'read' | 'dismiss'>;

export interface AuditEntry {
  at: number;
  /** The id of the person. */
  actor: string;
  /** The address and the program of the request. */
  source: string;
  action: JobAction;
  job: { id: string; userId: string };
  /** The person's reason, or the stopped processes. */
  detail: string | undefined;
}

/** Writes one entry, without a condition. */
export function audit({ at, actor, source, action, job, detail }: AuditEntry): Statement {
  return sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    VALUES (${at}, ${job.userId}, ${actor}, ${source}, ${action}, ${job.id}, ${detail})`;
}

/** Records the stop receipt of a lease once. Returns false if it is already recorded. */
export function noteStopped(
  db: Database,
  { leaseId, ...entry }: Omit<AuditEntry, 'action' | 'detail'> & { leaseId: string; detail: string },
): Promise<boolean> {
  const { at, actor, source, job } = entry;
  const detail = `${entry.detail} (lease ${leaseId})`;
  return db.write(sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    SELECT ${at}, ${job.userId}, ${actor}, ${source}, 'stopped', ${job.id}, ${detail}
    WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE user_id = ${job.userId} AND subject = ${job.id}
      AND action = 'stopped' AND instr(detail, ${`(lease ${leaseId})`}) > 0)`);
}

/** An order or a confirmation in the story of a job. Reads of the job are not part of the story. */
export interface StoryEvent {
  at: number;
  action: Exclude<JobAction, 'read' | 'dismiss'>;
  by: string | null;
  detail: string | null;
}

export function readStory(userId: string, jobId: string): Statement {
  return sql`
    SELECT a.at, a.action, u.email AS "by", a.detail FROM (
      SELECT at, action, actor, detail FROM audit_log
      WHERE user_id = ${userId} AND subject = ${jobId} AND action IN ('cancel', 'retry', 'stopped')
      ORDER BY at DESC LIMIT ${BOUNDS.shownEvents}) a LEFT JOIN users u ON u.id = a.actor
    ORDER BY a.at`;
}

export async function noteRead(db: Database, entry: Omit<AuditEntry, 'action' | 'detail'>): Promise<void> {
  await db.batch([audit({ ...entry, action: 'read', detail: undefined })]);
}

/** A sign-in, a sign-out or a change of an account. It is not part of the story of a job. */
export interface SignInEntry {
  at: number;
  userId: string;
  /** The address and the program of the request. */
  source: string;
  /** `sign_in_limited` means that the sign-in failed and that the server refuses the next try. */
  action: keyof typeof SIGN_IN_ACTORS;
  /** The network of the sign-in, the device that signed out, or the name of the change. */
  subject: string;
  detail: string | undefined;
}

/** The actor of each entry: the owner of the account, or an unknown person who did not prove to be the owner. */
const SIGN_IN_ACTORS = {
  sign_in: 'owner',
  sign_out: 'owner',
  password_changed: 'owner',
  device_revoked: 'owner',
  sign_in_failed: 'unknown',
  sign_in_limited: 'unknown',
} as const satisfies Partial<Record<AuditAction, 'owner' | 'unknown'>>;

export async function noteSignIn(db: Database, entry: SignInEntry): Promise<void> {
  const { at, userId, source, action, subject, detail } = entry;
  await db.write(sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    VALUES (${at}, ${userId}, ${SIGN_IN_ACTORS[action] === 'owner' ? userId : 'unknown'}, ${source}, ${action}, ${subject}, ${detail})`);
}

/** An order about an account, an invitation, a token, a bulk run or a job. */
export interface AccountOrder {
  at: number | Statement;
  userId: string;
  actor: string;
  source: string;
  action: Exclude<AuditAction, JobAction | keyof typeof SIGN_IN_ACTORS | 'enqueue'>;
  subject: string;
  detail: string | Statement | undefined;
}

/** Writes one entry if `where` holds. Pass the same guard as the order's own write. */
export function auditOrder(order: AccountOrder, where: Statement): Statement {
  const { at, userId, actor, source, action, subject, detail } = order;
  return sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    SELECT ${at}, ${userId}, ${actor}, ${source}, ${action}, ${subject}, ${detail} WHERE ${where}`;
}

/** An entry with the e-mail addresses of its account and its actor. */
export interface AuditRow extends AuditPosition {
  source: string;
  detail: string | null;
  accountEmail: string;
  /** Null for an unknown person. */
  actorEmail: string | null;
}

/** The key of an entry. The log is in the order of these fields. */
export interface AuditPosition {
  at: number;
  userId: string;
  subject: string;
  action: string;
  actor: string;
}

/** Reads entries, newest first, of one account or of all. */
export function readAuditLog(query: {
  userId: string | undefined;
  before: AuditPosition | undefined;
  limit: number;
}): Statement {
  const { userId, before, limit } = query;
  const place = userId === undefined ? raw('audit_log_by_time') : raw('audit_log_of_account');
  const conditions = [
    ...(userId === undefined ? [] : [sql`user_id = ${userId}`]),
    ...(before === undefined
      ? []
      : [
          sql`at <= ${before.at}`,
          sql`(at, user_id, subject, action, actor)
            < (${before.at}, ${before.userId}, ${before.subject}, ${before.action}, ${before.actor})`,
        ]),
  ];
  const where = conditions.length === 0 ? raw('') : sql`WHERE ${join(conditions, ' AND ')}`;
  return sql`
    SELECT l.*, u.email AS accountEmail, p.email AS actorEmail FROM (
      SELECT at, user_id AS userId, subject, action, actor, source, detail
      FROM audit_log INDEXED BY ${place} ${where}
      ORDER BY at DESC, user_id DESC, subject DESC, action DESC, actor DESC LIMIT ${limit}) l
    JOIN users u ON u.id = l.userId LEFT JOIN users p ON p.id = l.actor
    ORDER BY l.at DESC, l.userId DESC, l.subject DESC, l.action DESC, l.actor DESC`;
}

/** A job of the account, as the audit entry of its enqueue. */
export interface EnqueueRow {
  id: string;
  at: number;
  source: string | null;
  createdBy: string | null;
  kind: string;
}

/** Reads the jobs that an account queued, newest first. */
export function readEnqueues(
  userId: string,
  { before, limit }: { before: string; limit: number },
): Statement {
  return sql`
    SELECT id, created_at AS at, source, created_by AS createdBy, kind FROM jobs
    WHERE user_id = ${userId} AND id < ${before} ORDER BY id DESC LIMIT ${limit}`;
}
