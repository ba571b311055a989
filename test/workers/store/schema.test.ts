import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { retryJob } from '../../../spec/contract/jobs.ts';
import * as ideaSchema from '../../../workers/store/idea-schema.ts';
import * as schema from '../../../workers/store/schema.ts';
import { Table } from '../../../workers/store/table.ts';
import { accepts } from '../harness/call.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';

const TABLES = Object.values({ ...schema, ...ideaSchema }).filter((one) => one instanceof Table);

async function rows<Row>(sql: string): Promise<Row[]> {
  return (await env.DB.prepare(sql).all<Row>()).results;
}

describe('the schema and the migrations', () => {
  it('have numbers of their own, in order', () => {
    const numbers = env.TEST_MIGRATIONS.map(({ name }) => Number(name.slice(0, 4)));
    expect(numbers.every((number, at) => number > (numbers[at - 1] ?? 0))).toBe(true);
  });

  it('know the same tables', async () => {
    const tables = await rows<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations'",
    );
    expect(tables.map((table) => table.name).sort()).toEqual(TABLES.map((table) => table.name).sort());
  });

  it.each(TABLES.map((table) => ({ name: table.name, table })))(
    'give $name the same columns, types, keys and NULLs',
    async ({ name, table }) => {
      const inDatabase = await rows<{ name: string; type: string; notnull: number; pk: number }>(
        `SELECT name, type, "notnull", pk FROM pragma_table_info('${name}')`,
      );
      const inSchema = Object.entries(table.columns).map(([field, column]) => ({
        name: column.name,
        type: column.type,
        isKey: table.key.includes(field),
        isNullable: column.isNullable,
      }));
      expect(
        inDatabase
          .map((column) => ({
            name: column.name,
            type: column.type,
            isKey: column.pk > 0,
            isNullable: column.notnull === 0 && column.pk === 0,
          }))
          .sort(byName),
      ).toEqual(inSchema.sort(byName));
    },
  );

  it('key every table by text without a row id, so that an insert writes one row', async () => {
    const tables = await rows<{ name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations'",
    );
    for (const { name, sql } of tables) expect(sql, name).toMatch(/WITHOUT ROWID\s*$/);
  });
});

describe('the columns of an attempt', () => {
  /** What a job keeps whatever becomes of its attempts: who asked for what, and what was counted. */
  const KEPT = [
    ...['user_id', 'id', 'kind', 'status', 'created_at', 'created_by', 'source', 'updated_at', 'prompt'],
    ...['priority', 'available_at', 'expires_at', 'on_lease_loss', 'on_usage_limit', 'usage_waits'],
    ...['max_attempts', 'timeout_seconds'],
    ...['session_fallback', 'idempotency_key', 'request_hash', 'idea_id', 'world_id', 'checkpoint_id'],
    ...['target_machine_id', 'target_project_root', 'target_orp_session_id', 'target_codex_session_id'],
    ...['attempt', 'attempts_used', 'lease_count', 'delayed'],
  ];
  const ATTEMPT_KEY = ['user_id', 'job_id', 'lease_count', 'attempt', 'outcome'];
  const { archived, latestOnly } = schema.ATTEMPT_COLUMNS;

  async function columnsOf(table: string): Promise<string[]> {
    const columns = await rows<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`);
    return columns.map(({ name }) => name).sort();
  }

  it('and those that every attempt shares are all that a job has', async () => {
    const names = [...archived, ...latestOnly].map(({ name }) => name);
    expect([...KEPT, ...names].sort()).toEqual(await columnsOf('jobs'));
  });

  it('that are archived are all that the archive has', async () => {
    const names = archived.map(({ name }) => name);
    expect([...ATTEMPT_KEY, ...names].sort()).toEqual(await columnsOf('attempts'));
  });

  it('are empty after a retry, and the archive has what they held', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await complete(await claimAndStart(machine));
    const key = { userId: machine.owner.userId, id: jobId };
    const others = { cancelled_by: 'a', cancel_reason: 'b', cancel_confirmed_at: 1, stop_receipt: 'c' };
    const filled = {
      ...others,
      ...{
        fallback_reason: 'missing_target_session',
        failure_kind: 'agent_error',
        error: 'd',
        asking_since: 2,
      },
      ...{ instance: 'e', claim_id: 'f', orp_session_id: 'main', summary: 'g', content: 'h' },
    };
    const names = Object.keys(filled);
    await env.DB.prepare(
      `UPDATE jobs SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE user_id = ? AND id = ?`,
    )
      .bind(...Object.values(filled), key.userId, key.id)
      .run();
    const read = (table: string, id: string) =>
      env.DB.prepare(`SELECT * FROM ${table} WHERE user_id = ? AND ${id} = ?`)
        .bind(key.userId, key.id)
        .first<Record<string, unknown>>();
    const before = await read('jobs', 'id');
    const ofAttempt = [...archived, ...latestOnly].map(({ name }) => name);
    expect(ofAttempt.filter((name) => (before?.[name] ?? null) === null)).toEqual([]);

    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    const after = await read('jobs', 'id');
    expect(ofAttempt.filter((name) => after?.[name] !== null)).toEqual([]);
    const kept = await read('attempts', 'job_id');
    for (const { name } of archived) expect(kept?.[name], name).toEqual(before?.[name]);
  });
});

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
