/** How D1 finds what the hot paths read: by key and by the one index of live jobs, never by a scan of history. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { UserId } from '../../../spec/ids.ts';
import { countLive, readJobsOfMachines } from '../../../workers/store/admin-reads.ts';
import { readAllLost, readDoubtfulJobs } from '../../../workers/store/alert-reads.ts';
import { countBulk, readBulkJobs } from '../../../workers/store/bulk.ts';
import {
  isSessionFree,
  moveDue,
  readCandidates,
  readHeld,
  readNextDue,
} from '../../../workers/store/claim-reads.ts';
import type { Database, Statement } from '../../../workers/store/database.ts';
import { openDatabase, sql } from '../../../workers/store/database.ts';
import { findJobOfAnyone, readJobs } from '../../../workers/store/jobs.ts';
import { readLinks, readSharers, readSharersOf } from '../../../workers/store/linked-projects.ts';
import { readLiveJobs, readTroubled } from '../../../workers/store/overview-reads.ts';
import { readMinuteJobs } from '../../../workers/store/stats.ts';
import {
  readExpiredInQueue,
  readExpiredLeases,
  readExpiredOfMachine,
  readNewlyDue,
} from '../../../workers/store/sweeps.ts';
import { aPerson } from '../harness/people.ts';

async function planOf({ sql, values }: Statement): Promise<string[]> {
  const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...values.map((value) => value ?? null))
    .all<{ detail: string }>();
  return plan.results.map((row) => row.detail);
}

const USER = 'usr_any' as UserId;
const live = { limit: 10, statuses: [], live: true };

const BY_LIVE_INDEX: Record<string, Statement> = {
  'the first jobs of the lanes of a machine': readCandidates(USER, { machineId: 'm', now: 1 }),
  'the first jobs of further lanes': readCandidates(USER, {
    machineId: 'm',
    now: 1,
    after: { priority: 0, id: 'job_1' },
  }),
  'the jobs that have become due': moveDue(USER, { machineId: 'm', now: 1 }),
  'the held jobs of an account': readHeld({ userId: USER, machineId: 'm' }, undefined),
  'the held jobs that matter to a machine': readHeld({ userId: USER, machineId: 'm' }, ['job_1']),
  'when the next job comes due': readNextDue(USER, 'm'),
  'leases that expired everywhere': readExpiredLeases(1, 10),
  'jobs that waited too long everywhere': readExpiredInQueue(1, 10),
  'what expired at one machine': readExpiredOfMachine({ userId: USER, machineId: 'm', now: 1, limit: 10 }),
  'what came due': readNewlyDue(0, 1),
  'a list of live jobs': readJobs(USER, live),
  'who waits for a freed session': readSharers(USER, 'job_1'),
  'the live jobs of an inbox': readLiveJobs(USER, 10),
  'the live jobs of all accounts, counted': countLive(),
  'the live jobs of a page of machines': readJobsOfMachines(['usr_1', 'usr_2'], ['m']),
  'jobs that an alert could be about': readDoubtfulJobs(1, { dueBefore: 1, attempts: 3, limit: 10 }),
  'live jobs of a bulk order': countBulk({ statuses: ['queued', 'running'], before: 1, ideaId: 'ide_1' }),
};

const TROUBLED: Record<string, Statement> = {
  'lost jobs of an inbox': readTroubled(USER, { status: 'lost', since: 0, limit: 10 }),
  'failed jobs of an inbox': readTroubled(USER, { status: 'failed', since: 5, limit: 10 }),
  'lost jobs everywhere': readAllLost(10),
  'failed jobs of a bulk order': readBulkJobs({ statuses: ['failed'], before: 1 }, 10),
};

describe('a statement of a hot path', () => {
  it.each(Object.entries(BY_LIVE_INDEX))('finds %s in the index of live jobs', async (_, statement) => {
    const plan = await planOf(statement);
    expect(plan.join('\n')).toContain('jobs_live');
    expect(plan.join('\n')).not.toMatch(/SCAN (jobs|j)\b/);
  });

  it.each(Object.entries(TROUBLED))('finds %s in the index of lost and failed jobs', async (_, statement) => {
    const plan = (await planOf(statement)).join('\n');
    expect(plan).toContain('jobs_in_trouble (user_id=? AND status=?');
    expect(plan).not.toMatch(/SCAN (jobs|j)\b/);
  });

  it('finds the jobs of a minute by their ids, and the slow ones in an index of their own', async () => {
    const plan = (await planOf(readMinuteJobs({ from: 1, to: 2, start: 'usr_1' }))).join('\n');
    expect(plan).toMatch(/SEARCH j USING PRIMARY KEY \(user_id=\? AND id>\?\)/);
    expect(plan).toContain('jobs_slow (finished_at>? AND finished_at<?)');
    expect(plan).not.toMatch(/SCAN (jobs|j)\b/);
  });

  it('finds each lane, its first job and the job of a busy session by a seek', async () => {
    const plan = (await planOf(readCandidates(USER, { machineId: 'm', now: 1 }))).join('\n');
    expect(plan).toContain('INDEX jobs_live (user_id=? AND place=?)');
    expect(plan).toContain('INDEX jobs_live (user_id=? AND place=? AND lane>?)');
    const free = (await planOf(sql`SELECT ${isSessionFree(USER, 'c')}`)).join('\n');
    expect(free).toContain('jobs_live (user_id=? AND place=? AND lane=?)');
  });

  it('lists jobs newest first in the order of the primary key', async () => {
    const plan = (await planOf(readJobs(USER, { ...live, live: false }))).join('\n');
    expect(plan).toContain('SEARCH jobs USING PRIMARY KEY');
    expect(plan).not.toContain('TEMP B-TREE');
  });

  it('finds the repositories of an account by key', async () => {
    for (const statement of readLinks(USER, { machineIds: ['m'] }))
      expect((await planOf(statement)).join('\n')).toContain('PRIMARY KEY (user_id=? AND machine_id=?)');
    const ofIdea = (await planOf(readLinks(USER, { ideaIds: ['ide_1'] })[0])).join('\n');
    expect(ofIdea).toContain('linked_projects_of_idea (user_id=? AND idea_id=?)');
    const sharers = readSharersOf(USER, { machineId: 'm', codexSessionId: 'c' });
    expect((await planOf(sharers)).join('\n')).toContain('PRIMARY KEY');
  });

  it('finds a job of anyone by one seek an account', async () => {
    await aPerson();
    const prepared: string[] = [];
    const explain = async <R>(statement: Statement): Promise<R | undefined> => {
      prepared.push(...(await planOf(statement)));
      return undefined;
    };
    const db: Database = { ...openDatabase(env.DB), first: explain };
    await findJobOfAnyone(db, 'job_1');
    expect(prepared.join('\n')).toMatch(/SEARCH j USING PRIMARY KEY \(user_id=\? AND id=\?\)/);
  });
});
