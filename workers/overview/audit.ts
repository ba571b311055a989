/**
 * Reads the audit log for operators. The row of a job is the entry of its enqueue, so an enqueue writes no second row. Rows of
 * jobs are in the order of their account, so enqueues are shown for one account at a time.
 */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { AuditAction } from '../../spec/overview/audit.ts';
import type { Deps } from '../base/deps.ts';
import { type ListedAccount, readAccount } from '../store/account-orders.ts';
import * as store from '../store/audit.ts';

export interface AuditQuery {
  /** The id or the e-mail address of one account. */
  account?: string | undefined;
  action?: AuditAction | undefined;
  cursor?: string | undefined;
  limit: number;
}

export interface AuditEntryView {
  at: string;
  action: string;
  account: { id: string; email: string };
  /** Who caused the entry. If the e-mail address is absent, the server does not know the person. */
  actor: { id: string; email?: string | undefined };
  /** The address and the program. */
  source: string;
  /** The record that the action concerns: a job, a machine, a device, a network, an account or a run. */
  subject: string;
  detail?: string | undefined;
}

/** The most entries that one page reads to find those of one action. */
const SCANNED = 1000;
/** Sorts after every id. */
const LAST = '~';

/** Where a page ended: in the log, and in the jobs. */
interface Place {
  log?: store.AuditPosition | undefined;
  job?: string | undefined;
}

export async function readAudit(
  deps: Deps,
  { account, action, cursor, limit }: AuditQuery,
): Promise<
  Result<{ entries: AuditEntryView[]; nextCursor: string | undefined }, 'not_found' | 'invalid_input'>
> {
  const from = readCursor(cursor);
  if (from === undefined)
    return refuse('invalid_input', 'cursor: it is not from a page of this list.', 'Leave it out.');
  if (action === 'enqueue' && account === undefined)
    return refuse('invalid_input', 'account: enqueues are listed for one account.', 'Name the account.');
  const found = account === undefined ? undefined : await findAccount(deps, account);
  if (account !== undefined && found === undefined)
    return refuse('not_found', `There is no account ${account}.`, 'orp admin accounts lists the accounts.');

  const scan = action === undefined ? limit + 1 : SCANNED;
  const [logged, queued] = await deps.db.batch([
    store.readAuditLog({ userId: found?.id, before: from.log, limit: action === 'enqueue' ? 0 : scan }),
    ...(found === undefined || (action !== undefined && action !== 'enqueue')
      ? []
      : [store.readEnqueues(found.id, { before: from.job ?? LAST, limit: limit + 1 })]),
  ]);
  const rows = (logged?.rows ?? []) as unknown as store.AuditRow[];
  const jobs = (queued?.rows ?? []) as unknown as store.EnqueueRow[];
  const matching = rows.filter((row) => action === undefined || row.action === action);
  const merged = [
    ...matching.map((row) => ({ at: row.at, row, job: undefined })),
    ...jobs.map((job) => ({ at: job.at, row: undefined, job })),
  ].sort((a, b) => b.at - a.at);
  const page = merged.slice(0, limit);
  const lastRow = page.findLast(({ row }) => row !== undefined)?.row;
  const lastJob = page.findLast(({ job }) => job !== undefined)?.job;
  const allShown = merged.length <= limit;
  const isScanned = action !== undefined && rows.length === SCANNED;
  const next: Place = {
    log: (allShown && isScanned ? positionOf(rows.at(-1)) : positionOf(lastRow)) ?? from.log,
    job: lastJob?.id ?? from.job,
  };
  return accept({
    entries: page.map(({ row, job }) => (job === undefined ? viewRow(row) : viewJob(job, found))),
    nextCursor: allShown && !isScanned ? undefined : writeCursor(next),
  });
}

async function findAccount(deps: Deps, account: string): Promise<ListedAccount | undefined> {
  return (await deps.db.all<ListedAccount>(readAccount(account)))[0];
}

function viewRow(row: store.AuditRow): AuditEntryView {
  const { at, action, userId, accountEmail, actor, actorEmail, source, subject, detail } = row;
  return {
    at: new Date(at).toISOString(),
    action,
    account: { id: userId, email: accountEmail },
    actor: { id: actor, email: actorEmail ?? undefined },
    source,
    subject,
    detail: detail ?? undefined,
  };
}

function viewJob(job: store.EnqueueRow, account: ListedAccount | undefined): AuditEntryView {
  const { id = '', email = '' } = account ?? {};
  return {
    at: new Date(job.at).toISOString(),
    action: 'enqueue',
    account: { id, email },
    actor: { id, email: job.createdBy ?? email },
    source: job.source ?? 'unknown',
    subject: job.id,
    detail: job.kind,
  };
}

function positionOf(row: store.AuditRow | undefined): store.AuditPosition | undefined {
  if (row === undefined) return undefined;
  const { at, userId, subject, action, actor } = row;
  return { at, userId, subject, action, actor };
}

function writeCursor(next: Place): string {
  return btoa(encodeURIComponent(JSON.stringify(next)));
}

/** Returns undefined for a text that is no cursor. Values of other types would only find nothing. */
function readCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return {};
  try {
    const { log, job } = JSON.parse(decodeURIComponent(atob(cursor))) as Record<string, unknown>;
    if (log !== undefined && !isPosition(log)) return undefined;
    return typeof job === 'string' || job === undefined ? { log, job } : undefined;
  } catch {
    return undefined;
  }
}

function isPosition(value: unknown): value is store.AuditPosition {
  if (typeof value !== 'object' || value === null) return false;
  const { at, userId, subject, action, actor } = value as Record<string, unknown>;
  return typeof at === 'number' && [userId, subject, action, actor].every((one) => typeof one === 'string');
}
