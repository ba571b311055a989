/** A database of 0.5.0 with data in it becomes the database of this version, and everything that people had still works. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  unstable_getMiniflareWorkerOptions as readWorkerOptions,
  unstable_splitSqlQuery as splitSql,
} from 'wrangler';
import { projectPath } from '../../scripts/local/project-path.ts';
import { type Database, type Runtime, startRuntime } from '../../scripts/local/runtime.ts';
import { type Answer, PlainClient } from '../support/plain-client.ts';

/** What the server of 0.5.0 answered when the data of the fixture was written. */
const MIRA = { email: 'mira@orp.test', password: 'the tide of 0.5.0' };
const TOKEN = ['dvt', 'alCJnEwUO_X2t8OwKLcw_JsEg4_JJguZKKGnutdzVPQ'].join('_');
const MACHINE = '0ec3a018-4b71-4937-9085-ec83e45647e2';
const IDEA = 'ide_1m8g0s6bahb51aj4zaedb6';
const JOBS = {
  completed: 'job_1m8g0s6gdy2xfhyp3t515z',
  failed: 'job_1m8g0s6m8zk97gm5tm70aq',
  retried: 'job_1m8g0s6mx9ftw91p1av19h',
  cancelled: 'job_1m8g0s6seah3st4j4ezb6m',
  lost: 'job_1m8g0s6ykw26e08eqbeq9y',
  queued: 'job_1m8g0s73mzsckzk1f1yfak',
} as const;

let folder: string;
let runtime: Runtime;
let mira: PlainClient;

const statementsOf = (path: string) => splitSql(readFileSync(projectPath(path), 'utf8'));

/** A database as the server of 0.5.0 left it. */
async function makeOldDatabase(persistTo: string): Promise<void> {
  const { workerOptions } = readWorkerOptions(projectPath('wrangler.toml'));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response() }',
      resourcePersistencePath: join(persistTo, 'v3'),
      d1Databases: workerOptions.d1Databases as Record<string, string>,
    }),
  );
  const database: Database = await miniflare.getD1Database('DB');
  await database.batch(
    [
      ...statementsOf('migrations/0001_first_tables.sql'),
      'CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
      "INSERT INTO d1_migrations (name) VALUES ('0001_first_tables.sql')",
      ...statementsOf('test/e2e/fixtures/database-0.5.0.sql'),
    ].map((sql) => database.prepare(sql)),
  );
  await miniflare.dispose();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orp-migrate-'));
  await makeOldDatabase(join(folder, 'old'));
  runtime = await startRuntime({ port: 0, persistTo: join(folder, 'old') });
  mira = new PlainClient(runtime.url, MACHINE);
  await mira.signIn(MIRA.email, MIRA.password);
});

afterAll(async () => {
  await runtime?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function rows<Row>(database: Database, sql: string): Promise<Row[]> {
  return (await database.prepare(sql).all<Row>()).results;
}

async function shown(id: string): Promise<Answer> {
  return (await mira.expectOk(`GET /api/cli/runner/jobs/${id}`)).job as Answer;
}

describe('a database of 0.5.0', () => {
  it('has the tables of a new one, in the same words, and no broken reference', async () => {
    const fresh = await startRuntime({ port: 0, persistTo: join(folder, 'fresh') });
    const schema = (database: Database) =>
      rows<{ name: string; sql: string }>(
        database,
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'd1%' ORDER BY name",
      );
    try {
      expect(await schema(runtime.database)).toEqual(await schema(fresh.database));
      const applied = 'SELECT name FROM d1_migrations ORDER BY name';
      expect(await rows(runtime.database, applied)).toEqual(await rows(fresh.database, applied));
    } finally {
      await fresh.close();
    }
    expect(await rows(runtime.database, 'PRAGMA foreign_key_check')).toEqual([]);
  });

  it('keeps its accounts, their tokens, ideas, features and repositories', async () => {
    const byToken = await fetch(`${runtime.url}/api/cli/me`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(await byToken.json()).toMatchObject({ ok: true, user: { email: MIRA.email } });
    const { items, ideas } = await mira.expectOk('GET /api/cli/ideas?limit=25&sort=updated_desc');
    expect(((items ?? ideas) as Answer[]).map(({ title }) => title)).toEqual(['Tidal survey']);
    const idea = await mira.expectOk(`GET /api/cli/ideas/${IDEA}`);
    expect(JSON.stringify(idea)).toContain('zwölf 😀');
    expect(JSON.stringify(await mira.expectOk(`GET /api/cli/ideas/${IDEA}/features`))).toContain(
      'Three of them.',
    );
    expect((await mira.expectOk(`GET /api/cli/ideas/${IDEA}/world`)).world).toMatchObject({
      projectRoot: '/Users/mira/code/tidal',
    });
    const stranger = new PlainClient(runtime.url);
    await stranger.signIn('olaf@orp.test', 'another tide');
    expect((await stranger.send(`GET /api/cli/ideas/${IDEA}`)).status).toBe(404);
  });

  it('shows every job with its answer, its attempts and its story', async () => {
    for (const status of ['completed', 'failed', 'cancelled', 'lost', 'queued'] as const)
      expect(await shown(JOBS[status]), status).toMatchObject({ status });
    expect(await shown(JOBS.completed)).toMatchObject({ content: 'Three gauges.\nAll dry.' });
    expect(await shown(JOBS.failed)).toMatchObject({ error: 'It broke.' });
    const retried = await shown(JOBS.retried);
    expect(retried).toMatchObject({ status: 'completed', content: 'Now it works.', attempt: 2 });
    expect(retried.attempts).toMatchObject([{ outcome: 'failed', error: 'Not yet.' }, {}]);
    expect(retried.events).toMatchObject([{ action: 'retry', detail: 'again' }]);
    expect(JSON.stringify(await mira.expectOk(`GET /api/cli/runner/jobs?limit=50`))).toContain(JOBS.lost);
  });

  it('lets its runner claim what was queued, after a person has decided about the lost job', async () => {
    const machineId = MACHINE;
    expect((await mira.poll()).job ?? null).toBeNull();
    await mira.expectOk(`POST /api/cli/runner/jobs/${JOBS.lost}/cancel`, { reason: 'Gone.' });
    const polled = await mira.poll();
    expect(polled.job).toMatchObject({
      id: JOBS.queued,
      payload: {
        prompt: 'Wait for the new server.',
        projectRoot: '/Users/mira/code/tidal',
        orpSessionId: 'orp-main',
        codexSessionId: '0198c2de-codex',
      },
    });
    const held = { machineId, leaseId: String(polled.leaseId) };
    const at = `POST /api/cli/runner/jobs/${JOBS.queued}`;
    await mira.expectOk(`${at}/start`, held);
    await mira.expectOk(`${at}/complete`, {
      ...held,
      success: true,
      summary: 'Done.',
      content: 'Done.',
      error: null,
    });
    expect(await shown(JOBS.queued)).toMatchObject({ status: 'completed', content: 'Done.' });
  });

  it('works for cron, and counts what its accounts store', async () => {
    await runtime.fireCron();
    const [usage] = await rows<Record<string, number>>(
      runtime.database,
      `SELECT * FROM account_usage WHERE user_id = (SELECT id FROM users WHERE email = '${MIRA.email}')`,
    );
    expect(usage).toMatchObject({ ideas: 2, features: 1 });
    const health = await (await fetch(`${runtime.url}/health`)).json();
    expect(health).toMatchObject({ database: { ok: true } });
  });
});
