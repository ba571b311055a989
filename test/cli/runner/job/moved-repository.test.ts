/** A repository that moved since it was linked takes no work: an agent would start where nothing is, or in something else. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { until } from './conditions.ts';

let service: FakeService;
let machine: LinkedMachine;
let moved: string;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  moved = join(machine.home, 'moved');
});

afterEach(async () => {
  await service.close();
  machine.remove();
});

const orp = (...words: string[]) => runOrp(words, { cwd: machine.home, env: machine.env });

async function json(...words: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await orp(...words, '--json');
  expect({ stderr, isDocument: stdout.startsWith('{') }).toEqual({ stderr: '', isDocument: true });
  return JSON.parse(stdout);
}

const routes = () => service.requests.map(({ route }) => route);

const MOVES: [string, () => void][] = [
  ['and nothing is where it was', () => undefined],
  ['and a file is where it was', () => execFileSync('touch', [machine.repo])],
  ['and a folder without a repository is where it was', () => mkdirSync(machine.repo)],
  [
    'and another repository is where it was',
    () => execFileSync('git', ['init', '-q', machine.repo], { env: machine.env }),
  ],
];

describe('a repository that moved', () => {
  it.each(MOVES)('is neither claimed for nor synced, %s', async (_, leave) => {
    renameSync(machine.repo, moved);
    leave();
    const job = service.addJob('job_1', { say: 'never' });
    const at = ['--repo-root', moved];
    const { code, stderr } = await orp(...at, 'runner', 'work', '--once', '--codex-bin', RECIPE_AGENT);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        `The repository ${moved} has moved since it was linked: its link names ${machine.repo}.`,
      ),
    });
    expect(stderr).toContain('hint: Run `orp link doctor --fix` in it. If it is a copy');
    const sync = await orp(...at, 'runner', 'sync');
    expect({ code: sync.code, stderr: sync.stderr }).toEqual({ code: 2, stderr });
    expect(routes()).toEqual([]);
    expect(job.status).toBe('queued');
    expect(await json(...at, 'link', 'status')).toMatchObject({
      routing_ready: false,
      routeable_sessions: [],
      session_counts: { total: 1, active: 1, routeable: 0 },
      warnings: expect.arrayContaining([`The link is for ${machine.repo}, not for ${moved}.`]),
      next_actions: expect.arrayContaining(['orp link doctor --fix']),
    });
    expect(await json(...at, 'runner', 'status')).toMatchObject({ sync_ready: false, work_ready: false });
  });

  it('takes its work again after one repair, in its session of before', async () => {
    renameSync(machine.repo, moved);
    const job = service.addJob('job_1', { say: 'Counted.' });
    const at = ['--repo-root', moved];
    const { repaired } = await json(...at, 'link', 'doctor', '--fix');
    const told = (repaired as { message: string }[]).map(({ message }) => message);
    expect(told).toContain(`The link names ${moved} now (it was ${machine.repo}).`);
    expect(told).toContain('The session orp-main works in this repository now.');
    const words = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT];
    expect(await json(...at, ...words)).toMatchObject({ ok: true, selected_repo_root: moved });
    expect(job.status).toBe('completed');
  });

  it.each(MOVES)('while the runner waits gets no job that then fails, %s', async (_, leave) => {
    service.honoursRoots = true;
    const other = linkedMachine(service.baseUrl);
    const words = ['--linked-project-root', other.repo, '--transport', 'poll', '--poll-interval', '1'];
    const runner = startOrp(
      ['--repo-root', machine.repo, 'runner', 'work', ...words, '--codex-bin', RECIPE_AGENT],
      { cwd: machine.home, env: machine.env },
    );
    const polls = () => service.requests.filter(({ route }) => route.includes('poll')).length;
    try {
      await until(() => polls() >= 1);
      renameSync(machine.repo, moved);
      leave();
      const before = polls();
      await until(() => polls() > before);
      service.addJob('job_1', { say: 'never' }, { payload: { projectRoot: machine.repo } });
      const next = service.addJob('job_2', { say: 'Counted.' }, { payload: { projectRoot: other.repo } });
      await until(() => next.status === 'completed');
      expect(service.jobs.get('job_1')).toMatchObject({ claims: [], starts: 0, completions: [] });
    } finally {
      runner.child.kill('SIGKILL');
      await runner.ended;
      other.remove();
    }
  });

  it('is left out while the other one continues, and the sync says why', async () => {
    const other = linkedMachine(service.baseUrl);
    try {
      renameSync(machine.repo, moved);
      const job = service.addJob('job_1', { say: 'Counted.' }, { payload: { projectRoot: other.repo } });
      const roots = ['--linked-project-root', moved];
      const at = ['--repo-root', other.repo, 'runner'];
      const { code, stderr } = await orp(...at, 'work', '--once', '--codex-bin', RECIPE_AGENT, ...roots);
      expect(code).toBe(0);
      expect(stderr).toContain(`The repository ${moved} has moved`);
      expect(stderr).toContain('gets no jobs');
      expect(job.status).toBe('completed');
      const { stdout } = await orp(...at, 'sync', '--json', ...roots);
      expect(JSON.parse(stdout)).toMatchObject({
        included_project_roots: [other.repo],
        skipped_project_roots: [{ project_root: moved, reason: 'project_root_mismatch' }],
      });
    } finally {
      other.remove();
    }
  });

  it('whose sessions are for where it was takes no work, though it was linked again', async () => {
    machine.setSession('orp-main', { project_root: join(machine.home, 'gone') });
    service.addJob('job_1', { say: 'never' });
    const at = ['--repo-root', machine.repo];
    const { code, stderr } = await orp(...at, 'runner', 'work', '--once', '--codex-bin', RECIPE_AGENT);
    expect(code).toBe(2);
    expect(stderr).toContain(`The sessions of ${machine.repo} belong to another folder`);
    expect(routes()).toEqual([]);
    expect(await json(...at, 'link', 'status')).toMatchObject({
      routing_ready: false,
      next_actions: expect.arrayContaining([
        "orp link session register --orp-session-id orp-main --label 'Label of orp-main'",
      ]),
    });
    expect(await json(...at, 'runner', 'status')).toMatchObject({ work_ready: false });
  });

  it('takes its work with the sessions that are right; the sync leaves the others out', async () => {
    machine.setSession('orp-away', { project_root: '/nowhere', primary: false, codex_session_id: 'codex-2' });
    const job = service.addJob('job_1', { say: 'Counted.' });
    const at = ['--repo-root', machine.repo, 'runner'];
    expect((await orp(...at, 'work', '--once', '--codex-bin', RECIPE_AGENT)).code).toBe(0);
    expect(job.status).toBe('completed');
    const { stdout } = await orp(...at, 'sync', '--json');
    const { sync_payload } = JSON.parse(stdout);
    expect(sync_payload.sessions.map(({ orpSessionId }: { orpSessionId: string }) => orpSessionId)).toEqual([
      'orp-main',
    ]);
  });

  it('is not taken for moved when it is reached through a link, or from a folder inside', async () => {
    symlinkSync(machine.repo, join(machine.home, 'alias'));
    mkdirSync(join(machine.repo, 'deep'));
    for (const root of [join(machine.home, 'alias'), join(machine.repo, 'deep')]) {
      expect(await json('--repo-root', root, 'link', 'status')).toMatchObject({ routing_ready: true });
      expect((await orp('--repo-root', root, 'runner', 'sync')).code).toBe(0);
    }
  });
});
