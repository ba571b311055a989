/** A database of 0.5.0 after the migrations that came later: the same sessions take the same jobs, and the counters are right. */

import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { UserId } from '../../../spec/ids.ts';
import { routesFor } from '../../../spec/job/routing.ts';
import { openDatabase } from '../../../workers/store/database.ts';
import { readLinks, toSyncedProjects } from '../../../workers/store/linked-projects.ts';

const USER = 'usr_1' as UserId;
const [first, ...later] = env.TEST_MIGRATIONS;

async function write(table: string, rows: readonly Record<string, string | number | null>[]): Promise<void> {
  for (const row of rows) {
    const columns = Object.keys(row);
    await env.DB.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
      .bind(...Object.values(row))
      .run();
  }
}

interface OldSession {
  orpSessionId: string;
  codexSessionId?: string;
  label: string;
  state: 'active' | 'closed';
  primary: boolean;
  lastActiveAt?: number;
}

function session(orpSessionId: string, more: Partial<OldSession> = {}): OldSession {
  return {
    orpSessionId,
    codexSessionId: `codex-${orpSessionId}`,
    label: 'L',
    state: 'active',
    primary: false,
    ...more,
  };
}

/** A row as 0.5.0 wrote it: the sessions that this idea may use, in list order. */
function project(ideaId: string, sessions: readonly OldSession[], projectRoot = '/srv/tides') {
  return {
    user_id: USER,
    machine_id: 'mac-1',
    project_root: projectRoot,
    idea_id: ideaId,
    idea_title: 'Tides',
    world_id: null,
    synced_at: 5,
    sessions: JSON.stringify(sessions),
  };
}

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, first === undefined ? [] : [first]);
  const user = { id: USER, email: 'a@x.test', name: 'A', role: 'member', password_hash: 'h', created_at: 1 };
  await write('users', [user]);
  const machine = { id: 'mac-1', user_id: USER, name: 'm', platform: 'p', app_version: '0.5.0' };
  await write('machines', [{ ...machine, first_seen_at: 1, last_seen_at: 1 }]);
});

async function links() {
  const [projects, sessions] = await openDatabase(env.DB).batch(readLinks(USER));
  return toSyncedProjects(projects, sessions);
}

describe('a database of 0.5.0', () => {
  it('keeps for every idea the sessions that it had, in their order, and routes as before', async () => {
    const shared = [
      session('a', { primary: true, lastActiveAt: 3 }),
      session('b', { state: 'closed' }),
      session('c'),
    ];
    const old = [
      project('ide_1', [session('x')], '/srv/other'),
      project('ide_1', shared),
      project('ide_2', [...shared.slice(0, 1), session('only-2', { primary: true })]),
      project('ide_3', []),
    ];
    await write('linked_projects', old);
    await applyD1Migrations(env.DB, later);

    const migrated = await links();
    const before = old.map((row) => ({
      machineId: row.machine_id,
      projectRoot: row.project_root,
      ideaId: row.idea_id,
      worldId: undefined,
      sessions: JSON.parse(row.sessions) as OldSession[],
    }));
    const byKey = (rows: readonly { projectRoot: string; ideaId: string; sessions: readonly object[] }[]) =>
      Object.fromEntries(
        rows.map((row) => [
          `${row.projectRoot} ${row.ideaId}`,
          row.sessions.map((one) => ({ ...one, ideaId: undefined })),
        ]),
      );
    expect(byKey(migrated)).toEqual(byKey(before));
    for (const target of [
      { ideaId: 'ide_1' },
      { ideaId: 'ide_2' },
      { ideaId: 'ide_3' },
      { ideaId: 'ide_2', orpSessionId: 'only-2' },
      { ideaId: 'ide_1', orpSessionId: 'only-2' },
      { codexSessionId: 'codex-x' },
      { projectRoot: '/srv/tides' },
    ]) {
      const asked = { sessionFallback: 'primary' as const, kind: 'session.prompt' as const, ...target };
      expect(routesFor(asked, migrated), JSON.stringify(target)).toEqual(routesFor(asked, before));
    }
  });

  it('keeps its sessions that every idea of a repository has, where an idea has some of its own as well', async () => {
    const shared = [session('a', { primary: true, lastActiveAt: 3 }), session('b')];
    await write('linked_projects', [
      project('ide_1', [...shared, session('own-1')]),
      project('ide_2', [session('own-2'), ...shared]),
      project('ide_3', [{ ...session('a', { primary: true }), lastActiveAt: 9 }, session('b')]),
    ]);
    await applyD1Migrations(env.DB, later);
    const names = (await links()).map(({ sessions }) => sessions.map((one) => one.orpSessionId));
    expect(names).toEqual([
      ['a', 'b', 'own-1'],
      ['own-2', 'a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('is migrated although one account has filled it with copies of its sessions; its next sync brings them back', async () => {
    const many = Array.from({ length: 2000 }, (_, index) =>
      session(`session-${index}`, { primary: index === 0 }),
    );
    await write(
      'linked_projects',
      Array.from({ length: 60 }, (_, index) => project(`ide_${index}`, many)),
    );
    await applyD1Migrations(env.DB, later);
    const migrated = await links();
    expect(migrated).toHaveLength(60);
    for (const { sessions } of migrated) expect(sessions).toHaveLength(0);
  });

  it('keeps 500 sessions of a repository that 60 ideas share, once', async () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      session(`session-${index}`, { primary: index === 0 }),
    );
    await write(
      'linked_projects',
      Array.from({ length: 60 }, (_, index) => project(`ide_${index}`, many)),
    );
    await applyD1Migrations(env.DB, later);
    const bytes = 'SELECT max(octet_length(sessions)) AS bytes FROM linked_sessions';
    const largest = await env.DB.prepare(bytes).first<{ bytes: number }>();
    expect(largest?.bytes).toBe(JSON.stringify(many).length);
    for (const { sessions } of await links()) expect(sessions).toEqual(many);
  });

  it('gets the counters of its ideas, features, prompts, answers and reviews', async () => {
    const idea = { user_id: USER, title: 'T', visibility: 'private', created_at: 1, updated_at: 1 };
    await write('ideas', [
      { ...idea, id: 'ide_1', notes: 'ü'.repeat(100), deleted_at: null },
      { ...idea, id: 'ide_2', notes: '', deleted_at: 5 },
    ]);
    const feature = { user_id: USER, idea_id: 'ide_1', title: 'F', created_at: 1, updated_at: 1 };
    const flags = { starred: 0, super_starred: 0, completed: 0 };
    await write('features', [
      { ...feature, ...flags, id: 'fea_1', notes: 'n'.repeat(10), details: '[]' },
      { ...feature, ...flags, id: 'fea_2', notes: null, details: '[]' },
    ]);
    const job = { user_id: USER, kind: 'session.prompt', status: 'completed', created_at: 1, updated_at: 1 };
    const rest = { finished_at: 1, available_at: 1, expires_at: 9, on_lease_loss: 'hold', max_attempts: 3 };
    await write('jobs', [
      {
        ...job,
        ...rest,
        session_fallback: 'primary',
        id: 'job_1',
        prompt: 'p'.repeat(5000),
        content: 'c'.repeat(6000),
      },
      { ...job, ...rest, session_fallback: 'primary', id: 'job_2', prompt: 'short', content: 'short' },
    ]);
    const attempt = { user_id: USER, job_id: 'job_1', attempt: 1, outcome: 'completed' };
    await write('attempts', [{ ...attempt, lease_count: 1, content: 'a'.repeat(7000) }]);
    const review = {
      user_id: USER,
      idea_id: 'ide_1',
      job_id: 'job_1',
      trigger_type: 't',
      status: 'completed',
    };
    await write('checkpoints', [
      { ...review, id: 'chk_1', created_at: 1, context: 'x'.repeat(8000), body: 'b'.repeat(9000) },
    ]);
    await applyD1Migrations(env.DB, later);
    const usage = 'SELECT ideas, features, stored_bytes AS bytes FROM account_usage WHERE user_id = ?';
    expect(await env.DB.prepare(usage).bind(USER).first()).toEqual({
      ideas: 2,
      features: 2,
      bytes: 200 + 10 + 2 * '[]'.length + 5000 + 6000 + 7000 + 8000 + 9000,
    });
    await env.DB.prepare('DELETE FROM jobs WHERE user_id = ?').bind(USER).run();
    await env.DB.prepare('DELETE FROM ideas WHERE user_id = ?').bind(USER).run();
    expect(await env.DB.prepare(usage).bind(USER).first()).toEqual({ ideas: 0, features: 0, bytes: 0 });
  });
});
