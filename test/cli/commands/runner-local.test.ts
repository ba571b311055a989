import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireGit, resolveRepo } from '../../../cli/git/repository.ts';
import { recordClaim } from '../../../cli/records/runtime.ts';
import { recordDrained } from '../../../cli/runner/start/live-record.ts';
import { Desk } from '../desk.ts';
import { RecordingServer, type Script } from '../recording-server.ts';

const MINUTE = 60_000;
const machineFile = (desk: Desk) => join(desk.userFolder, 'machine.json');

/** An enabled machine, signed in, with one linked repository and one session that can take jobs. */
async function readyDesk(url: string): Promise<Desk> {
  const desk = new Desk();
  desk.signIn(url);
  desk.linkTo('ide_77', { world_id: 'wor_3', linked_email: 'MIRA@example.test' });
  const words = '--orp-session-id main --label Main --codex-session-id c-1'.split(' ');
  await desk.json('link', 'session', 'register', ...words);
  await desk.json('runner', 'enable');
  return desk;
}

describe('orp runner enable and disable', () => {
  it('change the record and its copy in the repository, without asking anybody', async () => {
    using desk = new Desk();
    const on = await desk.json('runner', 'enable');
    expect(on).toMatchObject({
      ok: true,
      machine: { runner_enabled: true },
      machine_path: machineFile(desk),
      repo_runner_path: '.git/orp/link/runner.json',
      repo_has_git: true,
    });
    expect((await desk.orp(['runner', 'disable'])).stdout).toContain('runner.enabled=false\n');
    expect(desk.readJson(join(desk.link, 'runner.json'))).toMatchObject({ runner_enabled: false });
  });

  it('work outside of git', async () => {
    using desk = new Desk();
    const document = await desk.json('--repo-root', desk.home, 'runner', 'enable');
    expect(document).toMatchObject({ repo_has_git: false, repo_runner_path: '' });
  });
});

describe('orp runner status', () => {
  it('is work ready with everything in place', async () => {
    using desk = await readyDesk('http://127.0.0.1:1');
    desk.env.CODEX_BIN = process.execPath;
    const status = await desk.json('runner', 'status');
    expect(Object.keys(status)).toEqual(
      'ok machine machine_path repo_has_git repo_runner repo_runner_path repo_runtime repo_runtime_path active_lease project_link_exists session_counts sync_ready work_ready hosted_auth link_status agent_problem service runner channel spool kept agent last_error policy warnings notes next_actions'.split(
        ' ',
      ),
    );
    expect(status).toMatchObject({
      sync_ready: true,
      work_ready: true,
      active_lease: { has_active_job: false, stale: false, age_seconds: 0 },
      repo_runtime: { status: 'idle', active_job: {}, last_job: {}, recent_events: [] },
    });
    expect(status.next_actions).toEqual(['orp runner heartbeat', 'orp runner install']);
    expect(status.agent_problem).toBeNull();
  });

  it('is not ready without an agent, says so, and so does link doctor', async () => {
    using desk = await readyDesk('http://127.0.0.1:1');
    desk.env.CODEX_BIN = '/nowhere/codex';
    const status = await desk.json('runner', 'status');
    expect(status).toMatchObject({ agent_problem: { code: 'agent_missing' } });
    expect(status.warnings).toContain('Codex was not found (/nowhere/codex).');
    expect(status.next_actions).toContain('npm install -g @openai/codex');
    expect(status.notes).not.toContain('The machine is ready to take jobs.');
    const { issues } = (await desk.json('link', 'doctor')) as { issues: { code: string }[] };
    expect(issues.map(({ code }) => code)).toContain('agent_missing');
    desk.isTerminal = true;
    expect((await desk.orp(['runner', 'status'])).stdout).toContain(
      'Not ready to run jobs: Codex was not found',
    );
  });

  it('does not call a drained machine ready, and suggests to resume it instead of installing a runner', async () => {
    using desk = await readyDesk('http://127.0.0.1:1');
    desk.env.CODEX_BIN = process.execPath;
    expect((await desk.json('runner', 'status')).notes).toContain('The machine is ready to take jobs.');
    const { machine_id: machineId } = desk.readJson(machineFile(desk));
    recordDrained({ env: desk.env, machineId: String(machineId) }, true, desk.now);
    const status = await desk.json('runner', 'status');
    expect(status.notes).toEqual(['The machine is ready to sync.']);
    expect(status.warnings).toContain(
      'The server last said that this machine is drained: a runner claims no jobs.',
    );
    expect(status.next_actions).toEqual(['orp runner heartbeat', 'orp runner resume']);
  });

  it('suggests to cancel a job that showed no sign of life for two minutes', async () => {
    using desk = await readyDesk('http://127.0.0.1:1');
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    await recordClaim(repository, { job_id: 'job_1', lease_id: 'lea 1' }, desk.now);
    desk.now += 2 * MINUTE;
    const status = await desk.json('runner', 'status');
    expect(status.active_lease).toEqual({ has_active_job: true, stale: true, age_seconds: 120 });
    expect(status.next_actions).toContain("orp runner cancel job_1 --lease-id 'lea 1'");
  });

  it('asks nobody else unless told to', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true } }));
    using desk = await readyDesk(server.url);
    await desk.json('runner', 'status');
    expect(server.asked).toEqual([]);
  });

  it('asks the hosted side whether the machine can be woken, which is not the same as when it was seen', async () => {
    const machine = { id: 'x', name: 'workbench', lastSeenAt: '2026-04-01T09:00:00.000Z', draining: false };
    const listening = { transport: 'ws', instance: 'run-1', since: '2026-04-01T08:00:00.000Z' };
    await using server = await RecordingServer.startNewest(() => ({
      body: { ok: true, machine: { ...machine, listening } },
    }));
    using desk = await readyDesk(server.url);
    const { presence } = await desk.json('runner', 'status', '--hosted');
    const { machine_id: machineId } = desk.readJson(machineFile(desk));
    expect(server.only).toMatchObject({ method: 'GET', path: `/api/cli/runner/machines/${machineId}` });
    expect(presence).toEqual({
      known: true,
      listening: true,
      transport: 'ws',
      instance: 'run-1',
      listening_since_utc: listening.since,
      last_seen_at_utc: machine.lastSeenAt,
      draining: false,
    });
    server.answer(() => ({ body: { ok: true, machine } }));
    const { stdout } = await desk.orp(['runner', 'status', '--hosted']);
    expect(stdout).toContain(
      'presence.listening=false\npresence.last_seen_at_utc=2026-04-01T09:00:00.000Z\n',
    );
  });

  it('answers all the same when the hosted side cannot be asked', async () => {
    using desk = await readyDesk('http://127.0.0.1:1');
    const { presence } = await desk.json('runner', 'status', '--hosted');
    expect(presence).toEqual({ known: false, message: expect.stringContaining('http://127.0.0.1:1') });
    using stranger = new Desk();
    expect((await stranger.json('runner', 'status', '--hosted')).presence).toEqual({
      known: false,
      message: 'Not signed in.',
    });
  });

  it('lists the missing parts, from the machine to the session', async () => {
    using desk = new Desk();
    desk.linkTo('ide_77');
    const { stdout } = await desk.orp(['runner', 'status']);
    expect(stdout).toContain('runner.work_ready=false\n');
    expect(stdout.match(/^next=.*$/gm)?.slice(0, 3)).toEqual([
      'next=orp runner enable',
      expect.stringMatching(/^next=orp link session register /),
      'next=orp auth login',
    ]);
    expect((await desk.orp(['--repo-root', desk.home, 'runner', 'status'])).code).toBe(0);
  });
});

describe('orp runner heartbeat', () => {
  it('reports the running job, and records the time', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true, lease: { valid: true } } }));
    using desk = await readyDesk(server.url);
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    await recordClaim(repository, { job_id: 'job_1', lease_id: 'lea_1' }, desk.now);
    desk.now += MINUTE;
    const document = await desk.json('runner', 'heartbeat');
    const { machine_id: machineId, machine_name: machineName } = desk.readJson(machineFile(desk));
    expect(server.only.body).toEqual({ machineId, machineName, jobId: 'job_1', leaseId: 'lea_1' });
    expect(document).toMatchObject({
      heartbeat_at_utc: '2026-04-01T10:01:00Z',
      job_id: 'job_1',
      lease_id: 'lea_1',
      response: { ok: true, lease: { valid: true } },
      machine: { last_heartbeat_at_utc: '2026-04-01T10:01:00Z' },
    });
    expect(desk.readJson(join(desk.link, 'runtime.json'))).toMatchObject({ status: 'running' });
  });

  it('never keeps the lease of a crashed runner alive', async () => {
    await using server = await RecordingServer.start();
    using desk = await readyDesk(server.url);
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    await recordClaim(repository, { job_id: 'job_1', lease_id: 'lea_1' }, desk.now);
    desk.now += 2 * MINUTE;
    await desk.json('runner', 'heartbeat');
    expect(server.only.body).not.toHaveProperty('jobId');
    expect(server.only.body).not.toHaveProperty('leaseId');
  });

  it('needs an enabled runner before a sign-in', async () => {
    using desk = new Desk();
    expect((await desk.orp(['runner', 'heartbeat'])).error).toMatchObject({ code: 'runner_disabled' });
    await desk.json('runner', 'enable');
    expect((await desk.orp(['runner', 'heartbeat'])).error).toMatchObject({ code: 'not_signed_in' });
  });
});

describe('orp runner sync', () => {
  it('sends projects and sessions, except archived sessions', async () => {
    await using server = await RecordingServer.start();
    using desk = await readyDesk(server.url);
    await desk.json('link', 'session', 'register', '--orp-session-id', 'old', '--label', 'Old', '--archived');
    await desk.json(
      'link',
      'session',
      'register',
      '--orp-session-id',
      'shut',
      '--label',
      'S',
      '--state',
      'closed',
    );
    const { stdout } = await desk.orp(['runner', 'sync']);
    const { machine_id: machineId, machine_name: machineName } = desk.readJson(machineFile(desk));
    const session = { ideaId: 'ide_77', worldId: 'wor_3', projectRoot: desk.repo };
    expect(server.asked.at(-1)?.body).toEqual({
      machineId,
      machineName,
      platform: process.platform === 'darwin' ? 'macos' : process.platform,
      appVersion: '9.9.9',
      syncedAt: '2026-04-01T10:00:00Z',
      linkedProjects: [
        {
          ideaId: 'ide_77',
          ideaTitle: 'repo',
          worldId: 'wor_3',
          worldName: null,
          projectName: 'repo',
          projectRoot: desk.repo,
          githubUrl: null,
          lastOpenedAt: '2026-04-01T10:00:00Z',
        },
      ],
      sessions: [
        {
          ...session,
          orpSessionId: 'main',
          codexSessionId: 'c-1',
          label: 'Main',
          state: 'active',
          primary: true,
          lastActiveAt: '2026-04-01T10:00:00Z',
        },
        {
          ...session,
          orpSessionId: 'shut',
          codexSessionId: null,
          label: 'S',
          state: 'closed',
          primary: false,
          lastActiveAt: '2026-04-01T10:00:00Z',
        },
      ],
    });
    expect(stdout).toContain('ok=true\nlinked_projects=1\nsessions=2\nrouteable_sessions=1\n');
    expect(desk.readJson(machineFile(desk))).toMatchObject({ last_sync_at_utc: '2026-04-01T10:00:00Z' });
  });

  it('skips what it cannot use and says why; the same repository counts once', async () => {
    await using server = await RecordingServer.start();
    using desk = await readyDesk(server.url);
    using foreign = new Desk();
    foreign.linkTo('ide_1', { linked_email: 'other@example.test' });
    using bare = new Desk();
    mkdirSync(join(desk.repo, 'inside'));
    const roots = [
      desk.repo,
      `${desk.repo}/inside`,
      join(desk.home, 'nowhere'),
      desk.home,
      bare.repo,
      foreign.repo,
    ];
    const document = await desk.json(
      'runner',
      'sync',
      ...roots.flatMap((root) => ['--linked-project-root', root]),
    );
    expect(document.skipped_project_roots).toEqual([
      { project_root: join(desk.home, 'nowhere'), reason: 'missing' },
      { project_root: desk.home, reason: 'not_git_repo' },
      { project_root: bare.repo, reason: 'not_linked' },
      { project_root: foreign.repo, reason: 'linked_email_mismatch' },
    ]);
    expect(document).toMatchObject({ linked_projects: 1, sessions: 1 });
  });

  it.each([
    ['no repository', (desk: Desk) => ['--repo-root', desk.home], 'no_git_repository'],
    ['nothing linked', () => [], 'not_linked'],
  ])('refuses with %s', async (_, words, code) => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    await desk.json('runner', 'enable');
    const outcome = await desk.orp([...words(desk), 'runner', 'sync']);
    expect(outcome).toMatchObject({ code: 2, stdout: '', error: { code } });
  });

  it.each([
    ['a session', (desk: Desk) => join(desk.link, 'sessions', 'main-torn.json')],
    ['the project link', (desk: Desk) => join(desk.link, 'project.json')],
  ])('sends nothing while %s cannot be read, however often it is tried', async (_, pathOf) => {
    await using server = await RecordingServer.start();
    using desk = await readyDesk(server.url);
    using other = await readyDesk(server.url);
    desk.write(pathOf(desk), '{"orp_session_id": "ma');
    for (const words of [[], ['--linked-project-root', other.repo], []]) {
      const { code, stdout, error } = await desk.orp(['runner', 'sync', ...words]);
      expect([code, stdout, error?.code]).toEqual([2, '', 'torn_state']);
      expect(error?.message).toContain(pathOf(desk));
      expect(error?.hint).toBeDefined();
    }
    expect(server.asked).toEqual([]);
  });

  it('a refused sync leaves the record as it was', async () => {
    const refuse: Script = () => ({ status: 403, body: { error: 'foreign', code: 'foreign_machine' } });
    await using server = await RecordingServer.start(refuse);
    using desk = await readyDesk(server.url);
    expect((await desk.orp(['runner', 'sync'])).error).toMatchObject({ code: 'foreign_machine' });
    expect(desk.readJson(machineFile(desk))).not.toHaveProperty('last_sync_at_utc');
  });
});
