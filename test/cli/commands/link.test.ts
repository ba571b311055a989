import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stripCredentials } from '../../../cli/git/git-remote.ts';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const project = (desk: Desk) => desk.readJson(join(desk.link, 'project.json'));
const BIND = ['link', 'project', 'bind', '--idea-id', 'ide_77'];

/** A service that takes every binding. */
const accepting = ({ body }: Asked) => ({
  body: { ok: true, world: { id: 'wor_3', status: 'active', ...(body as object) } },
});

async function register(desk: Desk, id: string, codexId: string): Promise<void> {
  const words = ['--orp-session-id', id, '--label', id, '--codex-session-id', codexId];
  await desk.json('link', 'session', 'register', ...words);
}

describe('orp link project', () => {
  it('bind binds the world first and then writes the record', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.git('remote', 'add', 'origin', 'https://mira:ghp_secret@github.com/mira/survey.git');
    await register(desk, 'main', 'c-1');
    const { stdout } = await desk.orp(BIND);
    expect(server.asked.at(-1)).toMatchObject({
      method: 'PUT',
      path: '/api/cli/ideas/ide_77/world',
      body: {
        name: 'repo',
        projectRoot: desk.repo,
        githubUrl: 'https://github.com/mira/survey.git',
        codexSessionId: 'c-1',
      },
    });
    expect(stdout).toBe(
      'idea.id=ide_77\nworld.id=wor_3\nworld.name=repo\nproject.link_path=.git/orp/link/project.json\nsessions.total=1\n',
    );
    expect(readFileSync(join(desk.link, 'project.json'), 'utf8')).toBe(`{
  "schema_version": "1.0.0",
  "idea_id": "ide_77",
  "project_root": "${desk.repo}",
  "linked_at_utc": "2026-04-01T10:00:00Z",
  "world_id": "wor_3",
  "world_name": "repo",
  "github_url": "https://github.com/mira/survey.git",
  "linked_email": "mira@example.test",
  "source": "cli"
}
`);
  });

  it('bind keeps the stored values, even for another idea, and does not clear unknown fields', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json(...BIND, '--idea-title', 'Tides', '--name', 'survey');
    await desk.json(...BIND);
    expect(project(desk)).toMatchObject({ idea_title: 'Tides', world_name: 'survey' });
    expect(server.asked[1]?.body).toEqual({ name: 'survey', projectRoot: desk.repo });
    await desk.json(...BIND, '--github-url', 'https://github.com/mira/tides');
    await desk.json('link', 'project', 'bind', '--idea-id', 'ide_78');
    const stored = { world_name: 'survey', idea_title: 'Tides', github_url: 'https://github.com/mira/tides' };
    expect(project(desk)).toMatchObject({ idea_id: 'ide_78', ...stored });
    expect(server.asked.at(-1)).toMatchObject({
      path: '/api/cli/ideas/ide_78/world',
      body: { name: 'survey', githubUrl: 'https://github.com/mira/tides' },
    });
  });

  it('bind keeps the world id of the same idea only, when the server names none', async () => {
    await using server = await RecordingServer.start(() => ({
      body: { ok: true, world: { name: 'survey' } },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77', { world_id: 'wor_1' });
    await desk.json(...BIND);
    expect(project(desk)).toMatchObject({ world_id: 'wor_1' });
    await desk.json('link', 'project', 'bind', '--idea-id', 'ide_78');
    expect(project(desk)).not.toHaveProperty('world_id');
  });

  it('bind takes the title of the idea from the hosted side, and does without when it gets none', async () => {
    let status = 200;
    await using server = await RecordingServer.start((asked) =>
      asked.method === 'GET'
        ? { status, body: { idea: { id: 'ide_77', title: 'Tides' } } }
        : accepting(asked),
    );
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json(...BIND);
    expect(project(desk)).toMatchObject({ idea_id: 'ide_77', idea_title: 'Tides' });
    status = 503;
    await desk.json('link', 'project', 'unbind');
    await desk.json('link', 'project', 'bind', '--idea-id', 'ide_78');
    expect(project(desk)).not.toHaveProperty('idea_title');
    expect(server.asked.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET', 'PUT']);
  });

  it('a refused binding changes nothing', async () => {
    await using server = await RecordingServer.start(() => ({
      status: 404,
      body: { error: 'No such idea.' },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(BIND)).error).toMatchObject({ code: 'http_404' });
    expect(existsSync(join(desk.link, 'project.json'))).toBe(false);
  });

  it('checks git before the sign-in, and the sign-in before the root', async () => {
    using desk = new Desk();
    const outside = await desk.orp(['--repo-root', desk.home, ...BIND]);
    expect(outside.error).toMatchObject({ code: 'no_git_repository', exitCode: 2 });
    expect((await desk.orp([...BIND, '--project-root', '/'])).error).toMatchObject({ code: 'not_signed_in' });
    desk.signIn('http://127.0.0.1:1');
    expect((await desk.orp([...BIND, '--project-root', '/'])).error).toMatchObject({ code: 'usage' });
  });

  it('passes on what git refuses with', async () => {
    using desk = new Desk();
    desk.write(join(desk.repo, '.git', 'config'), '[broken');
    const { code, error } = await desk.orp(['link', 'project', 'show']);
    expect({ code, reason: error?.code }).toEqual({ code: 2, reason: 'git_refused' });
    expect(error?.message).toContain('bad config');
    desk.env.PATH = desk.home;
    expect((await desk.orp(['link', 'project', 'show'])).error).toMatchObject({ code: 'no_git' });
  });

  it('show prints the record, and says what a broken one is', async () => {
    using desk = new Desk();
    expect((await desk.orp(['link', 'project', 'show'])).error).toMatchObject({ code: 'not_linked' });
    desk.linkTo('ide_77', { idea_title: 'Tides', world_id: null });
    expect((await desk.orp(['link', 'project', 'show'])).stdout).toBe(
      `idea.id=ide_77\nidea.title=Tides\nworld.id=\nworld.name=\nproject.root=${desk.repo}\nproject.link_path=.git/orp/link/project.json\n`,
    );
    desk.write(join(desk.link, 'project.json'), '{"idea_id": ""}');
    expect((await desk.orp(['link', 'project', 'show'])).error).toMatchObject({ code: 'torn_state' });
  });

  it('unbind removes the record and leaves the sessions', async () => {
    using desk = new Desk();
    desk.linkTo('ide_77');
    await register(desk, 'main', 'c-1');
    expect(await desk.json('link', 'project', 'unbind')).toMatchObject({
      removed: true,
      removed_project_link: { idea_id: 'ide_77' },
      session_counts: { total: 1 },
      warnings: [expect.any(String)],
      next_actions: [expect.any(String)],
    });
    expect(await desk.json('link', 'project', 'unbind')).toMatchObject({ removed: false });
  });

  it('every worktree has a link of its own', async () => {
    using desk = new Desk();
    desk.git('-c', 'user.name=M', '-c', 'user.email=m@e.test', 'commit', '--allow-empty', '-m', 'first');
    const tree = join(desk.home, 'tree');
    desk.git('worktree', 'add', '-q', tree);
    desk.linkTo('ide_77');
    const status = await desk.json('link', 'status', '--repo-root', tree);
    expect(status).toMatchObject({
      project_link_exists: false,
      project_link_path: join(desk.repo, '.git/worktrees/tree/orp/link/project.json'),
    });
  });
});

describe('orp link status', () => {
  it('lists the missing parts, in the order of detection', async () => {
    using desk = new Desk();
    const status = await desk.json('link', 'status');
    expect(Object.keys(status)).toEqual(
      'ok repo_root project_link_path project_link_exists project_link sessions session_counts primary_session routeable_sessions routing_ready hosted_auth hosted_world hosted_world_error governance warnings notes next_actions'.split(
        ' ',
      ),
    );
    expect(status).toMatchObject({ ok: true, project_link: {}, primary_session: {}, routing_ready: false });
    expect(status.next_actions).toEqual([
      'orp link project bind --idea-id <idea-id>',
      'orp link session register --orp-session-id <session-id> --label <label> --codex-session-id <codex-session-id> --primary',
    ]);
  });

  it('is ready with a link, a primary session and a routeable one, and compares with the hosted world', async () => {
    const world = { id: 'wor_9', projectRoot: '/elsewhere', codexSessionId: 'c-9' };
    await using server = await RecordingServer.start(() => ({ body: { ok: true, world } }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77', { world_id: 'wor_3' });
    await register(desk, 'main', 'c-1');
    const status = await desk.json('link', 'status');
    expect(status).toMatchObject({ routing_ready: true, hosted_world: world, hosted_world_error: '' });
    expect(status.hosted_auth).not.toHaveProperty('token');
    expect(status.warnings).toEqual([
      expect.stringContaining('/elsewhere'),
      expect.stringContaining('c-9'),
      expect.stringContaining('wor_9'),
    ]);
  });

  it('fills known values into its advice, and omits advice that does not apply', async () => {
    const world = { id: 'wor_9', codexSessionId: 'c-9' };
    await using server = await RecordingServer.start(() => ({ body: { ok: true, world } }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77', { world_id: 'wor_9' });
    const register = 'orp link session register';
    expect((await desk.json('link', 'status')).next_actions).toEqual([
      `${register} --orp-session-id <session-id> --label <label> --codex-session-id c-9 --primary`,
    ]);
    await desk.json('link', 'session', 'register', '--orp-session-id', 'main', '--label', 'Tide pool');
    const { next_actions, notes } = await desk.json('link', 'status');
    expect(next_actions).toEqual([
      `${register} --orp-session-id main --label 'Tide pool' --codex-session-id c-9`,
    ]);
    expect(notes).toEqual([]);
  });

  it('an unreachable service is a warning, exit 0', async () => {
    await using server = await RecordingServer.start(() => ({ status: 400, body: { error: 'broken' } }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77');
    const status = await desk.json('link', 'status');
    expect(status.hosted_world_error).toContain('broken');
    expect((await desk.orp(['link', 'project', 'status'])).code).toBe(0);
  });

  it('shows the state of git without credentials', async () => {
    using desk = new Desk();
    desk.git('remote', 'add', 'origin', 'https://x:ghp_secret@github.com/mira/survey.git');
    desk.write(join(desk.repo, 'a file'), 'new');
    const { stdout } = await desk.orp(['link', 'status', '--json']);
    expect(stdout).not.toContain('ghp_secret');
    expect(JSON.parse(stdout).governance.git).toMatchObject({
      present: true,
      branch: 'main',
      has_commits: false,
      dirty: true,
      dirty_paths: ['a file'],
      effective_remote_mode: 'github',
      effective_github_repo: 'mira/survey',
    });
  });

  it('works outside of git, too', async () => {
    using desk = new Desk();
    const status = await desk.json('--repo-root', desk.home, 'link', 'status');
    expect(status).toMatchObject({ ok: true, repo_root: desk.home, governance: { git: { present: false } } });
    expect(status).toMatchObject({ notes: [], next_actions: ['git init'] });
    expect((await desk.orp(['--repo-root', join(desk.home, 'nowhere'), 'link', 'status'])).code).toBe(0);
  });
});

describe('orp link session show', () => {
  it('never says that a session is unknown when its file cannot be read', async () => {
    using desk = new Desk();
    await register(desk, 'main', 'c-1');
    const path = join(desk.link, 'sessions', sessionFileName('main'));
    desk.write(path, '{"orp_session_id": "ma');
    for (const verb of ['show', 'set-primary', 'archive', 'remove']) {
      const { code, error } = await desk.orp(['link', 'session', verb, 'main']);
      expect([code, error?.code]).toEqual([2, 'torn_state']);
      expect(error?.message).toContain(path);
    }
    expect((await desk.orp(['link', 'session', 'show', 'other'])).stderr).toContain(sessionFileName('main'));
  });
});

describe('orp link doctor', () => {
  const codes = (document: Record<string, unknown>) =>
    (document.issues as { code: string }[]).map((issue) => issue.code);

  it('finds errors and exits 1', async () => {
    using desk = new Desk();
    desk.write(join(desk.link, 'project.json'), '{');
    desk.write(join(desk.link, 'sessions', 'a.json'), '{"orp_session_id":"a","label":"a","primary":true}');
    desk.write(join(desk.link, 'sessions', 'b.json'), '{"orp_session_id":"b","label":"b","primary":"yes"}');
    desk.write(join(desk.link, 'sessions', 'c.json'), 'x');
    const { code, stdout } = await desk.orp(['link', 'doctor', '--json']);
    expect(code).toBe(1);
    expect(codes(JSON.parse(stdout))).toEqual([
      'invalid_project_link_record',
      'sessions_without_project_link',
      'multiple_primary_sessions',
      'invalid_session_link_record',
      'missing_codex_session_id',
      'missing_codex_session_id',
    ]);
  });

  it('treats warnings as errors only with --strict', async () => {
    using desk = new Desk();
    desk.linkTo('ide_77', { project_root: '/elsewhere', linked_email: 'other@example.test' });
    desk.signIn('http://127.0.0.1:1');
    desk.write(
      join(desk.userFolder, 'remote-session.json'),
      '{"base_url":"","email":"mira@example.test","token":""}',
    );
    const document = await desk.json('link', 'doctor');
    expect(document).toMatchObject({ ok: true, errors: 0, warnings: 4 });
    expect(codes(document)).toEqual([
      'project_root_mismatch',
      'missing_hosted_auth',
      'linked_email_mismatch',
      'linked_project_without_sessions',
    ]);
    expect((await desk.orp(['link', 'doctor', '--strict'])).code).toBe(1);
  });

  it('a folder without git is an error', async () => {
    using desk = new Desk();
    const { code, stdout } = await desk.orp(['--repo-root', desk.home, 'link', 'doctor']);
    expect(code).toBe(1);
    expect(stdout).toContain('issue=severity=error,code=missing_git_repo,message=');
  });
});

describe('addresses of remotes', () => {
  it.each([
    ['https://mira:pw@github.com/a/b.git', 'https://github.com/a/b.git'],
    ['https://ghp_token@github.com/a/b', 'https://github.com/a/b'],
    ['https://github.com/a/b?token=x', 'https://github.com/a/b'],
    ['ssh://git:pw@host/a', 'ssh://git@host/a'],
    ['ssh://git@host:22/a', 'ssh://git@host:22/a'],
    ['git@github.com:a/b.git', 'git@github.com:a/b.git'],
    ['https://user:pw@bad host/x', 'https://bad host/x'],
    ['/srv/git/a.git', '/srv/git/a.git'],
  ])('%s is kept as %s', (address, expected) => {
    expect(stripCredentials(address)).toBe(expected);
  });
});
