import { chmodSync, existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLinkedRoots, rememberRoot } from '../../../cli/records/linked-roots.ts';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';

interface Issue {
  code: string;
  message: string;
  remedy: string;
  fix: boolean;
  path?: string;
}

const DOCTOR = ['link', 'doctor'];

async function examine(desk: Desk, ...words: string[]) {
  const { stdout, code } = await desk.orp([...DOCTOR, ...words, '--json']);
  const document = JSON.parse(stdout) as { issues: Issue[]; repaired?: { code: string; message: string }[] };
  return { ...document, code, codes: document.issues.map((issue) => issue.code) };
}

/** What a person at a terminal sees. */
async function see(desk: Desk, ...words: string[]): Promise<string> {
  desk.isTerminal = true;
  return (await desk.orp(words)).stdout;
}

function addSession(desk: Desk, id: string, fields: object = {}): void {
  const record = { orp_session_id: id, label: id, state: 'active', project_root: desk.repo, ...fields };
  desk.write(join(desk.link, 'sessions', sessionFileName(id)), JSON.stringify(record));
}

const session = (desk: Desk, id: string) => desk.readJson(join(desk.link, 'sessions', sessionFileName(id)));
const project = (desk: Desk) => desk.readJson(join(desk.link, 'project.json'));

/** A server with the world of the link. */
const withWorld =
  (answer: (asked: Asked) => Answer | undefined) =>
  (asked: Asked): Answer =>
    answer(asked) ?? {
      body: { ok: true, world: { id: 'wor_1', ideaId: 'ide_1', name: 'repo', status: 'active' } },
    };

describe('orp link doctor --fix', () => {
  it('finds the links of a repository that was moved again, sessions in subfolders included', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    await rememberRoot(desk.env, desk.repo);
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true });
    addSession(desk, 'docs', { codex_session_id: 'c-2', project_root: join(desk.repo, 'docs') });
    desk.write(join(desk.repo, 'docs', 'a.md'), '');
    const moved = join(desk.home, 'moved here');
    renameSync(desk.repo, moved);
    Object.assign(desk, { repo: moved, link: join(moved, '.git', 'orp', 'link') });

    const before = await examine(desk);
    expect(before.codes).toEqual([
      'project_root_mismatch',
      'missing_hosted_auth',
      'session_project_root_mismatch',
      'session_project_root_mismatch',
    ]);
    expect(before.issues.map(({ fix }) => fix)).toEqual([true, false, true, true]);

    const after = await examine(desk, '--fix');
    expect(after.codes).toEqual(['missing_hosted_auth', 'session_project_root_mismatch']);
    expect(after.repaired?.map(({ message }) => message)).toEqual([
      `The link names ${moved} now (it was ${join(desk.home, 'repo')}).`,
      'The sessions main, docs work in this repository now.',
    ]);
    expect(project(desk).project_root).toBe(moved);
    expect(session(desk, 'docs').project_root).toBe(join(moved, 'docs'));
    expect(readLinkedRoots(desk.env)).toEqual([moved]);
    expect((await examine(desk, '--fix')).repaired).toEqual([]);
  });

  it('leaves a copy of a linked repository alone', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    using other = new Desk();
    other.linkTo('ide_1', { project_root: desk.repo });
    const { issues, repaired } = await examine(other, '--fix');
    expect(repaired).toEqual([]);
    expect(issues[0]).toMatchObject({ code: 'project_root_mismatch', fix: false });
    expect(issues[0]?.remedy).toContain('In a copy, run `orp link project bind');
    expect(project(other).project_root).toBe(desk.repo);
  });

  it('leaves a session of another repository alone, and moves one whose folder is gone', async () => {
    using desk = new Desk();
    using other = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true, project_root: '/gone/for/ever' });
    addSession(desk, 'other', { codex_session_id: 'c-2', project_root: other.repo });
    const { repaired } = await examine(desk, '--fix');
    expect(repaired?.map(({ message }) => message)).toEqual([
      'The session main works in this repository now.',
    ]);
    expect(session(desk, 'main').project_root).toBe(desk.repo);
    expect(session(desk, 'other').project_root).toBe(other.repo);
  });

  it.each([
    ['several primary sessions', true, 'multiple_primary_sessions'],
    ['no primary session', false, 'missing_primary_session'],
  ])('chooses one of %s', async (_name, primary, code) => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'a', { codex_session_id: 'c-1', primary });
    addSession(desk, 'b', { codex_session_id: 'c-2', primary });
    expect((await examine(desk)).codes).toContain(code);
    const { codes, repaired } = await examine(desk, '--fix');
    expect(repaired).toEqual([{ code, message: 'Session a is the primary session.' }]);
    expect(codes).not.toContain(code);
  });

  it('moves unreadable files aside and keeps their contents', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    desk.write(join(desk.link, 'sessions', 'torn.json'), '{"orp_session');
    desk.write(join(desk.link, 'runtime.json'), 'x');
    const { codes, repaired } = await examine(desk, '--fix');
    expect(repaired?.map(({ code }) => code)).toEqual([
      'invalid_session_link_record',
      'invalid_runtime_record',
    ]);
    expect(codes).toEqual(['missing_hosted_auth', 'linked_project_without_sessions']);
    const kept = readdirSync(join(desk.link, 'sessions')).find((name) => name.startsWith('torn.json.'));
    expect(desk.read(join(desk.link, 'sessions', kept ?? ''))).toBe('{"orp_session');
    expect(existsSync(join(desk.link, 'sessions', 'torn.json'))).toBe(false);
  });

  it('repairs permissions: folders that are open, and files that their owner cannot read', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true });
    desk.write(join(desk.userFolder, 'machine.json'), '{}');
    chmodSync(desk.userFolder, 0o755);
    const path = join(desk.link, 'project.json');
    chmodSync(path, 0o444);
    const before = await examine(desk);
    expect(before.issues.filter(({ fix }) => fix)).toMatchObject([
      { code: 'folder_open_to_others', path: desk.userFolder },
      { code: 'path_not_accessible', path },
    ]);
    const { codes } = await examine(desk, '--fix');
    expect(codes).toEqual(['missing_hosted_auth']);
    expect(statSync(desk.userFolder).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('adds a repository that another client linked to the list of linked ones', async () => {
    using desk = new Desk();
    await rememberRoot(desk.env, '/srv/first');
    desk.linkTo('ide_1');
    expect((await examine(desk)).codes).toContain('linked_but_not_listed');
    expect((await examine(desk, '--fix')).codes).not.toContain('linked_but_not_listed');
    expect(readLinkedRoots(desk.env)).toContain(desk.repo);
  });

  it('says on a terminal and in a pipe what it did', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'a', { codex_session_id: 'c-1' });
    expect((await desk.orp([...DOCTOR, '--fix'])).stdout).toContain(
      'repaired=code=missing_primary_session,message=Session a is the primary session.\n',
    );
    addSession(desk, 'a', { codex_session_id: 'c-1' });
    expect(await see(desk, ...DOCTOR, '--fix')).toMatch(/^✓ Session a is the primary session\.\n/);
  });
});

describe('what a person sees', () => {
  it('linked without sessions', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    const page = await see(desk, ...DOCTOR);
    expect(page).toContain(
      '! The repository is linked, but has no sessions. (linked_project_without_sessions)',
    );
    expect(page).toContain('  → Run `orp link session discover` to choose a session of your agent.');
    expect(await see(desk, 'link', 'status')).toContain('No session is linked.');
  });

  it('several sessions and none primary', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'a', { codex_session_id: 'c-1' });
    addSession(desk, 'b', { codex_session_id: 'c-2' });
    expect(await see(desk, ...DOCTOR)).toContain('! No session is marked as primary.');
    expect(await see(desk, 'link', 'status')).toContain('→ orp link session set-primary');
  });

  it('several primary sessions', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'a', { codex_session_id: 'c-1', primary: true });
    addSession(desk, 'b', { codex_session_id: 'c-2', primary: true });
    const page = await see(desk, ...DOCTOR);
    expect(page).toMatch(
      /✗ 2 sessions are marked as primary.*\n {2}→ `orp link doctor --fix` keeps the first/,
    );
  });

  it('a project that moved takes no work, and says which command helps', async () => {
    await using server = await RecordingServer.start(withWorld(() => undefined));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1', { project_root: join(desk.home, 'before') });
    addSession(desk, 'a', {
      codex_session_id: 'c-1',
      primary: true,
      project_root: join(desk.home, 'before'),
    });
    const status = await see(desk, 'link', 'status');
    expect(status).toContain('This repository cannot take jobs yet.');
    expect(status).toContain('→ orp link doctor --fix');
    expect(await see(desk, ...DOCTOR)).toContain('→ When the repository has moved, `orp link doctor --fix`');
    desk.write(
      join(desk.userFolder, 'machine.json'),
      JSON.stringify({ runner_enabled: true, machine_id: 'm-1' }),
    );
    const work = await desk.orp(['runner', 'work', '--once']);
    expect(work).toMatchObject({ code: 2, error: { code: 'project_root_mismatch' } });
    expect(server.asked.every(({ method }) => method === 'GET')).toBe(true);
  });

  it.each([
    ['its idea is gone', { status: 404, body: { error: 'There is no idea ide_1.', code: 'not_found' } }],
    ['its idea has no world', { body: { ok: true, world: {} } }],
  ])('a world that was deleted on the server: %s', async (_name, answer) => {
    await using server = await RecordingServer.start(() => answer);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1', { world_id: 'wor_1' });
    addSession(desk, 'a', { codex_session_id: 'c-1', primary: true });
    const { codes } = await examine(desk);
    expect(codes).toContain('hosted_world_deleted');
    const page = await see(desk, ...DOCTOR);
    expect(page).toContain('The server does not have the idea ide_1 with its world any more');
    expect(page).toContain('to bind the repository again, or `orp link project unbind` to unlink it.');
  });

  it('an outage of the server is no deleted world', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    desk.linkTo('ide_1', { world_id: 'wor_1' });
    const { codes } = await examine(desk);
    expect(codes).toContain('hosted_world_unavailable');
    expect(codes).not.toContain('hosted_world_deleted');
  });

  it('another account than the one that linked', async () => {
    await using server = await RecordingServer.start(withWorld(() => undefined));
    using desk = new Desk();
    desk.signIn(server.url, 'mira@example.test');
    desk.linkTo('ide_1', { linked_email: 'noor@example.test' });
    const page = await see(desk, ...DOCTOR);
    expect(page).toContain('! noor@example.test linked the repository, but you are mira@example.test.');
    expect(page).toContain(
      '  → Run `orp auth login` with the account of the link, or `orp link project bind',
    );
  });

  it('a session that the agent does not have, or has archived', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'a', { codex_session_id: 'c-1', primary: true });
    addSession(desk, 'b', { codex_session_id: 'c-2' });
    addSession(desk, 'c', { codex_session_id: 'c-3' });
    expect((await examine(desk)).codes).toEqual(['missing_hosted_auth']);
    const home = join(desk.home, '.codex');
    desk.write(join(home, 'sessions', '2026', '04', '01', 'rollout-2026-04-01T10-00-00-c-1.jsonl'), '');
    desk.write(join(home, 'archived_sessions', 'rollout-2026-04-01T10-00-00-c-3.jsonl'), '');
    const { codes, issues } = await examine(desk);
    expect(codes).toEqual(['missing_hosted_auth', 'stale_agent_session', 'archived_agent_session']);
    expect(issues.map(({ message }) => message)).toContain(
      'Session b names the session c-2 of codex, which codex does not have. Its jobs would fail.',
    );
    expect(await see(desk, ...DOCTOR)).toContain(
      '  → Run `orp link session discover` to link another session',
    );
  });

  it('a session that is archived here, and that a queued job names', async () => {
    await using server = await RecordingServer.startNewest(
      withWorld(({ path }) => {
        if (!path.startsWith('/api/cli/runner/jobs')) return undefined;
        return { body: { ok: true, jobs: [JOB], hasMore: false } };
      }),
    );
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1');
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true });
    expect((await examine(desk)).codes).toEqual([]);
    addSession(desk, 'old', { codex_session_id: 'c-2', archived: true });
    expect((await examine(desk)).codes).toEqual(['archived_session_named_by_jobs']);
    const page = await see(desk, ...DOCTOR);
    expect(page).toContain('Session old is archived here, but the queued job job_1 names it.');
    expect(page).toContain('→ Run `orp link session unarchive <id>`, or cancel the jobs');
  });

  it('no sign-in while links exist', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    const page = await see(desk, ...DOCTOR);
    expect(page).toContain(
      '! The repository is linked, but hosted auth is not connected: you are not signed in.',
    );
    expect(page).toContain('  → Run `orp auth login`.');
  });

  it('a runner that is enabled without a linked project', async () => {
    using desk = new Desk();
    await desk.json('runner', 'enable');
    expect(await see(desk, 'runner', 'status')).toContain('→ orp link project bind\n');
    const work = await desk.orp(['runner', 'work', '--once']);
    expect(work).toMatchObject({ code: 2, error: { hint: expect.stringContaining('orp ') } });
  });

  it('a runner that is enabled with a linked project, but without a usable session', async () => {
    await using server = await RecordingServer.start(withWorld(() => undefined));
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json('runner', 'enable');
    desk.linkTo('ide_1');
    addSession(desk, 'main', { primary: true });
    expect(await see(desk, 'runner', 'status')).toMatch(/→ orp link session register --orp-session-id main/);
    expect(await see(desk, ...DOCTOR)).toContain(
      '! Session main has no Codex session id and cannot take jobs.',
    );
  });

  it('records of the desktop app that disagree with those of orp', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true });
    const rust = join(desk.repo, '.orp');
    desk.write(join(rust, 'project.json'), JSON.stringify({ hosted_link: { idea_id: 'ide_9' } }));
    desk.write(
      join(rust, 'sessions', '1.json'),
      '{"session_id":"main","label":"M","codex_session_id":"c-9"}',
    );
    desk.write(join(rust, 'sessions', '2.json'), '{"session_id":"new","label":"N"}');
    const page = await see(desk, ...DOCTOR, '--fix');
    expect(page).toContain('! The desktop app links this repository to ide_9, orp to ide_1.');
    expect(page).toContain('! Session main is the Codex session c-9 in the desktop app, and c-1 here.');
    expect(page).toContain('! The desktop app has the session new, which orp does not have.');
    expect(page).toContain('  → `orp link import-rust --all` takes over the records of the desktop app');
    expect(project(desk).idea_id).toBe('ide_1');
    await desk.json('link', 'import-rust', '--all');
    expect((await examine(desk)).codes).not.toContain('desktop_records_differ');
  });

  it('an agent that is signed out, on a machine that works', async () => {
    using desk = new Desk();
    const program = join(desk.home, 'codex');
    desk.write(
      program,
      '#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.171.0 || echo Not logged in >&2\n',
    );
    chmodSync(program, 0o700);
    desk.env.CODEX_BIN = program;
    desk.linkTo('ide_1');
    addSession(desk, 'main', { codex_session_id: 'c-1', primary: true });
    expect((await examine(desk)).codes).not.toContain('agent_signed_out');
    await desk.json('runner', 'enable');
    expect(await see(desk, ...DOCTOR)).toContain('! Codex is not signed in, so no job can run.');
    desk.write(join(desk.home, '.codex', 'config.toml'), 'model_provider = "mine"\n');
    expect((await examine(desk)).codes).not.toContain('agent_signed_out');
  });
});

const AT = '2026-04-01T10:00:00.000Z';
const JOB = {
  id: 'job_1',
  kind: 'session.prompt',
  status: 'queued',
  priority: 0,
  attempt: 0,
  maxAttempts: 3,
  onLeaseLoss: 'hold',
  sessionFallback: 'primary',
  target: { orpSessionId: 'old' },
  createdAt: AT,
  updatedAt: AT,
  expiresAt: '2026-04-08T10:00:00.000Z',
};
