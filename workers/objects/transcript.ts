/**
 * The transcripts of a machine's attempts, in the SQLite database of the object. Each upload is one row.
 *
 * Entries are numbered from 1 without a gap within a lease. The object drops known entries and rejects entries after a gap.
 * The answer has the number up to which everything has arrived, and the sender continues from there.
 */

import { ATTEMPT_LIMIT_BYTES, type Entry, type NewEntry, RETENTION_MS } from '../../spec/contract/jobs.ts';
import { accept, type Result } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { Fenced, LeaseOf, MachineOf, TranscriptPage } from '../base/machine-api.ts';
import { jobUnderLease, wrongStatus } from '../jobs/fence.ts';
import { findJob } from '../store/jobs.ts';
import { type SocketState, tellWatchers } from './channel/channels.ts';
import type { LiveLeases } from './live-leases.ts';

/** The entries of an upload are kept in rows of at most this size, because the platform allows rows of 2 MB. */
const ROW_LIMIT_BYTES = 1024 * 1024;
/**
 * The number of attempts deleted at once, more than a busy machine runs in a day. An attempt is always deleted completely.
 */
const PRUNE_LIMIT = 10_000;

/** The size of an entry without its text. */
const ENTRY_BYTES = 100;

/** The maximum size of one answer. RPC allows 32 MiB. */
const PAGE_LIMIT_BYTES = 4 * 1024 * 1024;

const DAY_MS = 24 * 60 * 60 * 1000;

interface Tail {
  lastSeq: number;
  bytes: number;
  full: boolean;
}

export class Transcript {
  readonly #sql: SqlStorage;
  /** A cache that is rebuilt from the rows. */
  readonly #tails = new Map<string, Tail>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS uploads (
      lease_id TEXT NOT NULL,
      last_seq INTEGER NOT NULL,
      first_seq INTEGER NOT NULL,
      at INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      entries TEXT NOT NULL,
      PRIMARY KEY (lease_id, last_seq)
    ) WITHOUT ROWID`);
  }

  /** Returns whether any output of an attempt is stored. */
  has(leaseId: string): boolean {
    return this.#sql.exec('SELECT 1 FROM uploads WHERE lease_id = ? LIMIT 1', leaseId).toArray().length > 0;
  }

  /** Appends the runner's stop receipt. */
  appendReceipt(leaseId: string, text: string, now: number): void {
    this.append(leaseId, [{ at: now, type: 'message', stream: 'system', level: 'info', text }], now);
  }

  /** Appends the new entries. Returns them, and the number up to which everything has arrived. */
  append(leaseId: string, entries: readonly NewEntry[], now: number): { added: Entry[]; received: number } {
    const tail = this.#tailOf(leaseId);
    if (tail.full) return { added: [], received: acknowledgeAll(tail, entries) };
    const added: Entry[] = [];
    for (const entry of entries) {
      const next = tail.lastSeq + added.length + 1;
      const seq = entry.seq ?? next;
      if (seq < next) continue;
      if (seq > next) break;
      added.push({ ...entry, seq });
    }
    if (added.length === 0) return { added, received: tail.lastSeq };
    const kept = this.#withinLimit(tail, added, now);
    for (const row of rowsOf(kept)) this.#insert(leaseId, row, now);
    tail.lastSeq += added.length;
    return { added: kept, received: tail.lastSeq };
  }

  /** Returns whether the entries begin after a gap and no earlier entry of the attempt is stored. */
  lacksHead(leaseId: string, [first]: readonly NewEntry[]): boolean {
    return (first?.seq ?? 1) > 1 && this.#tailOf(leaseId).lastSeq === 0;
  }

  /**
   * Adds a gap entry for the entries before `seq`, which were deleted after the retention time. The sender continues at
   * `seq`.
   */
  resumeAt(leaseId: string, seq: number, now: number): void {
    const text = `What came before is older than ${RETENTION_MS / DAY_MS} days and is not kept any more.`;
    const head: Entry = { seq: seq - 1, at: now, type: 'gap', stream: 'system', level: 'warn', text };
    this.#insert(leaseId, [head], now);
    this.#tails.delete(leaseId);
  }

  /**
   * Returns entries of several attempts in the order of their leases, starting after `afterSeq` of the first attempt. The
   * answer has at most `limit` entries and a limited size. `hasMore` is true if there are further entries.
   */
  readAll(
    leaseIds: readonly string[],
    { afterSeq, limit }: { afterSeq: number; limit: number },
  ): TranscriptPage {
    const page: TranscriptPage = { parts: [], hasMore: false };
    let left = { entries: limit, bytes: PAGE_LIMIT_BYTES };
    for (const [index, leaseId] of leaseIds.entries()) {
      const entries: Entry[] = [];
      page.parts.push({ leaseId, entries });
      for (const entry of this.#entriesAfter(leaseId, index === 0 ? afterSeq : 0)) {
        if (left.entries === 0 || left.bytes <= 0) return { ...page, hasMore: true };
        entries.push(entry);
        left = { entries: left.entries - 1, bytes: left.bytes - bytesOf(entry.text) - ENTRY_BYTES };
      }
    }
    return page;
  }

  *#entriesAfter(leaseId: string, afterSeq: number): Generator<Entry> {
    const rows = this.#sql.exec<{ entries: string }>(
      'SELECT entries FROM uploads WHERE lease_id = ? AND last_seq > ? ORDER BY last_seq',
      leaseId,
      afterSeq,
    );
    for (const row of rows) {
      for (const entry of JSON.parse(row.entries) as Entry[]) {
        if (entry.seq > afterSeq) yield entry;
      }
    }
  }

  /** Deletes entries after the retention time. Returns the number of deleted rows. */
  prune(now: number): number {
    const { rowsWritten } = this.#sql.exec(
      `DELETE FROM uploads WHERE lease_id IN (SELECT lease_id FROM uploads GROUP BY lease_id HAVING max(at) < ? LIMIT ${PRUNE_LIMIT})`,
      now - RETENTION_MS,
    );
    if (rowsWritten > 0) this.#tails.clear();
    return rowsWritten;
  }

  #tailOf(leaseId: string): Tail {
    const known = this.#tails.get(leaseId);
    if (known !== undefined) return known;
    const { lastSeq, bytes } = this.#sql
      .exec<{ lastSeq: number; bytes: number }>(
        'SELECT coalesce(max(last_seq), 0) AS lastSeq, coalesce(sum(bytes), 0) AS bytes FROM uploads WHERE lease_id = ?',
        leaseId,
      )
      .one();
    const tail = { lastSeq, bytes, full: bytes >= ATTEMPT_LIMIT_BYTES };
    this.#tails.set(leaseId, tail);
    return tail;
  }

  /** Returns the entries that still fit. A gap entry replaces the first entry that does not fit. */
  #withinLimit(tail: Tail, added: readonly Entry[], now: number): Entry[] {
    const kept: Entry[] = [];
    for (const entry of added) {
      tail.bytes += bytesOf(entry.text) + ENTRY_BYTES;
      if (tail.bytes >= ATTEMPT_LIMIT_BYTES) {
        tail.full = true;
        kept.push(gap(entry.seq, now));
        break;
      }
      kept.push(entry);
    }
    return kept;
  }

  #insert(leaseId: string, entries: readonly Entry[], now: number): void {
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    // A gap at the end means that the attempt is full. A gap at the start means that entries were deleted.
    const isFull = this.#tails.get(leaseId)?.full === true;
    const bytes = isFull ? ATTEMPT_LIMIT_BYTES : textBytes(entries);
    this.#sql.exec(
      'INSERT INTO uploads (lease_id, last_seq, first_seq, at, bytes, entries) VALUES (?, ?, ?, ?, ?, ?)',
      leaseId,
      last.seq,
      first.seq,
      now,
      bytes,
      JSON.stringify(entries),
    );
  }
}

function gap(seq: number, at: number): Entry {
  const text = `The transcript of this attempt reached ${ATTEMPT_LIMIT_BYTES / 1024 / 1024} MiB; what follows was not kept here.`;
  return { seq, at, type: 'gap', stream: 'system', level: 'warn', text };
}

/**
 * Acknowledges any number of a full attempt. Entries after the gap are dropped without a row, so an object that lost its
 * memory does not know how many there were. Otherwise it would ask the sender for entries that the sender no longer has.
 */
function acknowledgeAll(tail: Tail, entries: readonly NewEntry[]): number {
  for (const { seq } of entries) tail.lastSeq = Math.max(tail.lastSeq, seq ?? tail.lastSeq + 1);
  return tail.lastSeq;
}

/** Groups entries so that no row grows too large. */
function rowsOf(entries: readonly Entry[]): Entry[][] {
  const rows: Entry[][] = [];
  let size = ROW_LIMIT_BYTES;
  for (const entry of entries) {
    const bytes = bytesOf(JSON.stringify(entry));
    size += bytes;
    if (size > ROW_LIMIT_BYTES) {
      rows.push([]);
      size = bytes;
    }
    rows.at(-1)?.push(entry);
  }
  return rows;
}

function textBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + bytesOf(entry.text) + ENTRY_BYTES, 0);
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).byteLength;
}

interface AppendParts {
  state: SocketState;
  machine: MachineOf;
  leases: Pick<LiveLeases, 'holds' | 'remembers'>;
  transcript: Transcript;
}

/** Appends output under a lease that is live or that its holder has ended, and notifies the followers. */
export async function appendUnderLease(
  deps: Deps,
  { state, machine, leases, transcript }: AppendParts,
  { of, entries }: { of: LeaseOf; entries: readonly NewEntry[] },
): Promise<Result<{ received: number }, Fenced>> {
  if (!(await leases.holds(deps, of))) {
    const allowed = await mayAppend(deps, machine, of).catch((error: unknown) => {
      // D1 does not answer, so it is unknown whether the lease has ended. Keep the output if the lease is of this machine.
      if (isPassingFailure(error) && leases.remembers(of)) return accept(undefined);
      throw error;
    });
    if (!allowed.ok) return allowed;
  }
  const isHeadless = () => transcript.lacksHead(of.leaseId, entries);
  if (isHeadless() && (await wasPruned(deps, machine, of)) && isHeadless())
    transcript.resumeAt(of.leaseId, entries[0]?.seq ?? 1, deps.now);
  const { added, received } = transcript.append(of.leaseId, entries, deps.now);
  if (added.length > 0)
    tellWatchers(state, of.jobId, { kind: 'entries', leaseId: of.leaseId, entries: added });
  return accept({ received });
}

/**
 * Returns whether a lease may append. The current lease may append even after the end of the job, because output often
 * follows the result. It may not append after a cancel.
 */
async function mayAppend(
  deps: Deps,
  { userId, machineId }: MachineOf,
  { jobId, leaseId }: { jobId: string; leaseId: string },
): Promise<Result<undefined, Fenced>> {
  const job = await jobUnderLease(deps, { id: userId as UserId }, { jobId, holder: { machineId, leaseId } });
  if (!job.ok) return job;
  return job.value.status === 'cancelled' ? wrongStatus(job.value) : accept(undefined);
}

/** Returns whether the start of a transcript may have been deleted, because the lease is older than the retention time. */
async function wasPruned(
  deps: Deps,
  { userId }: MachineOf,
  { jobId, leaseId }: { jobId: string; leaseId: string },
): Promise<boolean> {
  const job = await findJob(deps.db, userId, jobId);
  return job?.leaseId === leaseId && deps.now - (job.claimedAt ?? deps.now) >= RETENTION_MS;
}
