/** The transition table is the only place that says which status a statement may touch. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { isAllowed, JOB_STATUSES, JOB_VERBS } from '../../../spec/job/status.ts';
import { guard } from '../../../workers/store/guard.ts';

const SOURCES = import.meta.glob('../../../workers/store/*.ts', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const QUOTED_STATUS = new RegExp(`'(${JOB_STATUSES.join('|')})'`);

/** Text that may reach the database: template literals, and strings in double quotes, the only ones that can hold such a quote. */
function textsOf(source: string): string[] {
  const templates = source.split('`').filter((_, index) => index % 2 === 1);
  return [...templates, ...(source.match(/"[^"\n]*"/g) ?? [])];
}

describe('the guard of a move', () => {
  it.each(JOB_VERBS)('lets %s leave exactly the statuses of the table', async (verb) => {
    const key = { userId: 'usr_1', id: 'job_1' };
    const { sql, values } = guard(key, verb);
    const rows = await env.DB.prepare(
      `SELECT status FROM (SELECT 'usr_1' AS user_id, 'job_1' AS id, value AS status FROM json_each(?)) WHERE ${sql}`,
    )
      .bind(JSON.stringify(JOB_STATUSES), ...values.map((value) => value ?? null))
      .all<{ status: string }>();
    expect(rows.results.map((row) => row.status)).toEqual(
      JOB_STATUSES.filter((status) => isAllowed(verb, status)),
    );
  });

  it('touches no other job and no other account', async () => {
    const { sql, values } = guard({ userId: 'usr_1', id: 'job_1' }, 'cancel');
    const rows = await env.DB.prepare(
      `SELECT user_id AS userId, id FROM (
         SELECT 'usr_1' AS user_id, 'job_1' AS id, 'queued' AS status
         UNION ALL SELECT 'usr_1', 'job_2', 'queued' UNION ALL SELECT 'usr_2', 'job_1', 'queued') WHERE ${sql}`,
    )
      .bind(...values.map((value) => value ?? null))
      .all();
    expect(rows.results).toEqual([{ userId: 'usr_1', id: 'job_1' }]);
  });
});

describe('the sources of the store', () => {
  it('are searched for statuses in every kind of text', () => {
    expect(Object.keys(SOURCES).length).toBeGreaterThan(20);
    for (const source of ["sql`SET status = 'lost'`", `raw("status = 'lost'")`])
      expect(textsOf(source).join('\n')).toMatch(QUOTED_STATUS);
  });

  it.each(Object.keys(SOURCES))('spell no status of a job in a statement: %s', (path) => {
    for (const text of textsOf(SOURCES[path] ?? '')) expect(text).not.toMatch(QUOTED_STATUS);
  });
});
