import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';

const project = (desk: Desk) => desk.readJson(join(desk.link, 'project.json'));

describe('orp link import-rust', () => {
  const PROJECT = {
    hosted_link: {
      idea_id: 'ide_77',
      ideaTitle: 'Tides',
      world_id: null,
      linked_at: '2026-01-01T00:00:00+01:00',
    },
    github_remote: null,
    archived_session_ids: ['old', 7],
    archived_codex_session_ids: ['c-gone'],
    ignored_codex_session_ids: ['c-x'],
    session_order: ['old', 'second'],
  };

  function plant(desk: Desk): void {
    const folder = join(desk.repo, '.orp');
    desk.write(join(folder, 'project.json'), JSON.stringify(PROJECT));
    const sessions = {
      '1.json': { session_id: 'first', label: 'First', codex_session_id: null, role: 'review' },
      '2.json': { sessionId: 'second', label: 'Second', codexSessionId: 'c-2', lastActiveAt: '2026-02-01' },
      '3.json': { session_id: 'old', label: 'Old', codex_session_id: 'c-3' },
      '4.json': { session_id: 'gone', label: 'Gone', codex_session_id: 'c-gone' },
      '5.json': { label: 'no id' },
    };
    for (const [name, session] of Object.entries(sessions)) {
      desk.write(join(folder, 'sessions', name), JSON.stringify(session));
    }
  }

  it('imports the project and sessions; null stays absent, and a second import changes nothing', async () => {
    using desk = new Desk();
    plant(desk);
    const first = await desk.json('link', 'session', 'import-rust');
    expect(first).toMatchObject({
      imported_project: true,
      imported_session_count: 4,
      primary_session: { orp_session_id: 'second' },
      session_counts: { total: 4, active: 2, archived: 2, routeable: 1, primary: 1 },
      ignored_codex_session_ids: ['c-x'],
      skipped_paths: ['.orp/sessions/5.json'],
    });
    expect(project(desk)).toMatchObject({
      source: 'import-rust',
      linked_at_utc: '2025-12-31T23:00:00Z',
      idea_title: 'Tides',
    });
    expect(project(desk)).not.toHaveProperty('github_url');
    const session = (await desk.json('link', 'session', 'show', 'first')).session;
    expect(session).not.toHaveProperty('codex_session_id');
    expect(session).not.toHaveProperty('role');
    expect(await desk.json('link', 'import-rust', '--all')).toEqual(first);
  });

  it('leaves the files of the desktop app byte for byte as they are', async () => {
    using desk = new Desk();
    plant(desk);
    const folder = join(desk.repo, '.orp');
    const look = () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .sort()
        .map((name) => join(folder, name))
        .map((path) => [path, statSync(path).mtimeMs, statSync(path).isFile() ? desk.read(path) : '']);
    const before = look();
    await desk.json('link', 'import-rust', '--all');
    await desk.json('link', 'session', 'import-rust');
    expect(look()).toEqual(before);
  });

  it('replaces a record with the same id completely, and keeps the others', async () => {
    using desk = new Desk();
    plant(desk);
    await desk.json(
      'link',
      'session',
      'register',
      '--orp-session-id',
      'mine',
      '--label',
      'Mine',
      '--primary',
    );
    const again = ['--orp-session-id', 'second', '--label', 'Changed', '--role', 'review', '--archived'];
    await desk.json('link', 'session', 'register', ...again, '--codex-session-id', 'c-other');
    desk.linkTo('ide_other', { github_url: 'https://github.com/mira/other' });
    const { primary_session, session_counts } = await desk.json('link', 'import-rust', '--all');
    expect(primary_session).toEqual({
      schema_version: '1.0.0',
      orp_session_id: 'second',
      label: 'Second',
      state: 'active',
      project_root: desk.repo,
      created_at_utc: '2026-04-01T10:00:00Z',
      last_active_at_utc: '2026-02-01T00:00:00Z',
      archived: false,
      primary: true,
      source: 'import-rust',
      codex_session_id: 'c-2',
      notes: 'Imported from the Rust desktop app.',
      path: expect.stringMatching(/^\.git\/orp\/link\/sessions\/second-/),
    });
    expect(session_counts).toMatchObject({ total: 5, primary: 1 });
    expect(project(desk)).toMatchObject({ idea_id: 'ide_77' });
    expect(project(desk)).not.toHaveProperty('github_url');
  });

  it('takes the first session of the list as primary when the desktop app names none that is open', async () => {
    using desk = new Desk();
    plant(desk);
    const path = join(desk.repo, '.orp', 'project.json');
    desk.write(path, JSON.stringify({ ...PROJECT, session_order: ['old', 'unknown', 5] }));
    const { primary_session } = await desk.json('link', 'import-rust', '--all');
    expect(primary_session).toMatchObject({ orp_session_id: 'first' });
  });

  it('imports sessions without a project, and keeps the link that orp has', async () => {
    using desk = new Desk();
    desk.linkTo('ide_mine');
    desk.write(join(desk.repo, '.orp', 'project.json'), '{"project_id":"p-1"}');
    desk.write(join(desk.repo, '.orp', 'sessions', 'a.json'), '{"session_id":"a","label":"A"}');
    desk.write(join(desk.repo, '.orp', 'sessions', 'torn.json'), '{"session_id":');
    expect(await desk.json('link', 'import-rust', '--all')).toMatchObject({
      imported_project: false,
      project_link: {},
      imported_session_count: 1,
      skipped_paths: ['.orp/sessions/torn.json'],
    });
    expect(project(desk)).toMatchObject({ idea_id: 'ide_mine' });
  });

  it('needs --all, a repository, and something to import', async () => {
    using desk = new Desk();
    expect((await desk.orp(['link', 'import-rust'])).code).toBe(2);
    expect((await desk.orp(['link', 'import-rust', '--all'])).error).toMatchObject({
      code: 'nothing_to_import',
    });
    mkdirSync(join(desk.repo, '.orp', 'sessions'), { recursive: true });
    expect(await desk.json('link', 'import-rust', '--all')).toMatchObject({
      imported_project: false,
      imported_session_count: 0,
    });
  });
});
