import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionFileName } from '../../../../cli/records/sessions/sessions.ts';
import { FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let service: FakeService;
let machine: LinkedMachine;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
});

afterEach(async () => {
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

const SHOWN_SESSION = {
  orp_session_id: 'orp-main',
  path: join('.git/orp/link/sessions', sessionFileName('orp-main')),
};

function shownSelection(root: string) {
  return {
    source: 'explicit_orp_session_id',
    repo_selection_source: 'job_target_match',
    selected_repo_root: root,
    matched_fields: ['orp_session_id', 'codex_session_id', 'idea_id'],
  };
}

function work(...words: string[]) {
  const all = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT, ...words];
  return runOrp(all, { cwd: machine.repo, env: machine.env });
}

async function workJson(...words: string[]) {
  const end = await work('--json', ...words);
  return { ...end, document: end.stdout === '' ? undefined : JSON.parse(end.stdout) };
}

function runtime() {
  return JSON.parse(readFileSync(join(machine.repo, '.git/orp/link/runtime.json'), 'utf8'));
}

function spools(): string[] {
  const folder = join(machine.home, 'state/orp/spool/mach-1');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('orp runner work --once', () => {
  it('reports an empty queue with the fields of the contract', async () => {
    const { code, document } = await workJson();

    expect(code).toBe(0);
    expect(document).toMatchObject({
      ok: true,
      claimed: false,
      job: null,
      candidate_project_roots: [machine.repo],
    });
    expect((await work()).stdout).toBe('job.claimed=false\njob.status=idle\n');
  });

  it('loads neither fetch nor the Web Cryptography API, and its young generation stays small', async () => {
    service.addJob('job_1', { say: 'Ready.' });
    const tell =
      "process.on('exit', () => console.error('LOADED ' + process.moduleLoadList + ' YOUNG ' + process.getBuiltinModule('node:v8').getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size))";
    const NODE_OPTIONS = `--import "data:text/javascript,${encodeURIComponent(tell)}"`;
    const words = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT, '--transport', 'ws'];
    const { code, stderr } = await runOrp(words, {
      cwd: machine.repo,
      env: { ...machine.env, NODE_OPTIONS },
    });

    expect(code).toBe(0);
    const loaded = /LOADED .*/.exec(stderr)?.[0] ?? '';
    expect(loaded).toContain('NativeModule https');
    expect(loaded.match(/undici|webcrypto/g)).toBeNull();
    expect(Number(/YOUNG (\d+)/.exec(loaded)?.[1])).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  it('claims, starts, announces, runs, reports and syncs, in this order', async () => {
    const job = service.addJob('job_1', { say: '# Result\n\nThe grid is ready.\n' });
    const { code, document } = await workJson();

    expect(code).toBe(0);
    expect(service.callsOf()).toEqual(['heartbeat', 'poll', 'start', 'messages', 'logs', 'complete', 'sync']);
    expect(job.completions).toEqual([
      {
        machineId: 'mach-1',
        leaseId: 'lea_1',
        success: true,
        summary: 'The grid is ready.',
        content: '# Result\n\nThe grid is ready.\n',
        error: null,
      },
    ]);
    expect(job.messages[0]).toMatchObject({
      sender: 'system',
      content: 'Prompt is going to Label of orp-main.',
      seq: 1,
    });
    expect(service.textOf(job, 'agent')).toBe('# Result\n\nThe grid is ready.\n');
    expect(document).toMatchObject({
      ok: true,
      claimed: true,
      job: { id: 'job_1' },
      lease: { lease_id: 'lea_1', lease_expires_at_utc: '2099-01-01T00:00:00Z' },
      selected_repo_root: machine.repo,
      selected_session: SHOWN_SESSION,
      selection: { ...shownSelection(machine.repo), targeted: true },
      repo_selection: { source: 'job_target_match', score: 15 },
      heartbeat_error: '',
      sync_error: '',
      complete_response: { ok: true },
      worker: { ok: true, exitCode: 0, summary: 'The grid is ready.' },
      runtime: { status: 'idle', last_job: { job_id: 'job_1', status: 'completed' } },
      runtime_path: '.git/orp/link/runtime.json',
    });
    expect(spools()).toEqual([]);
    expect(readdirSync(join(machine.home, 'tmp')).filter((name) => name.startsWith('orp-'))).toEqual([]);
  });

  it('shows the session as it is after the job, and says of a failed job that its response is not ok', async () => {
    const before = new Date().toISOString().slice(0, 19);
    service.addJob('job_1', { say: 'ok' });
    const { document } = await workJson();
    expect(document.selected_session.last_active_at_utc >= before).toBe(true);
    expect(document.sync_result).toMatchObject({
      sync_payload: { machineId: 'mach-1', sessions: [{ orpSessionId: 'orp-main' }] },
      linked_projects: 1,
    });
    service.addJob('job_2', { say: 'Half.', exit: 3 });
    expect((await work()).stdout).toContain('\nresponse.ok=false\n');
  });

  it('starts the agent in the session directory with the arguments of Codex', async () => {
    service.addJob('job_1', { say: 'ok' });
    const { document } = await workJson();
    const [bin, ...args] = document.worker.command.split(' ');

    expect(bin).toBe(RECIPE_AGENT);
    expect([...args.slice(0, 4), ...args.slice(5)]).toEqual([
      'exec',
      '--skip-git-repo-check',
      '--json',
      '--output-last-message',
      'resume',
      'codex-1',
      '-',
    ]);
  });

  it('prints lines for people', async () => {
    service.addJob('job_1', { say: 'ok' });
    const { stdout } = await work();

    expect(stdout).toContain('job.claimed=true\njob.id=job_1\njob.kind=session.prompt\n');
    expect(stdout).toContain(`repo.root=${machine.repo}\nlease.id=lea_1\nsession.id=orp-main\n`);
    expect(stdout).toContain('response.ok=true\nruntime.path=.git/orp/link/runtime.json\n');
  });

  it("fails a job with the error of the agent, and keeps the agent's answer", async () => {
    const stderr = ['Codex v1', 'Error: the disk is full', '   0: <unknown>'];
    const job = service.addJob('job_1', { say: 'Half done.', stderr, exit: 2 });
    const { code, document } = await workJson();

    expect(code).toBe(1);
    expect(document).toMatchObject({ ok: false, worker: { ok: false, exitCode: 2 } });
    expect(job.completions[0]).toMatchObject({
      success: false,
      content: 'Half done.',
      error: 'Error: the disk is full (Codex ended with exit code 2)',
      failureKind: 'agent_error',
    });
    expect(runtime().last_job).toMatchObject({ job_id: 'job_1', status: 'failed' });
  });

  it('stops an agent at its time limit', async () => {
    const job = service.addJob('job_1', { hang: true }, { extra: { timeoutSeconds: 1 } });
    const { code } = await workJson();

    expect(code).toBe(1);
    expect(job.completions[0]).toMatchObject({ success: false, failureKind: 'agent_timeout' });
    expect(service.textOf(job, 'system')).toContain('1 process ended by SIGINT');
  });

  it('completes a job that it cannot place as failed, with the reason', async () => {
    const wrongRepo = service.addJob('job_1', 'Hi', { payload: { projectRoot: '/elsewhere' } });
    const { document } = await workJson();
    expect(document).toMatchObject({ ok: false, selected_repo_root: '', repo_selection: { source: 'none' } });
    expect(wrongRepo.completions[0]).toMatchObject({ success: false, failureKind: 'no_repository' });
    expect(service.callsOf()).toEqual(['heartbeat', 'poll', 'start', 'complete']);

    const noSession = service.addJob('job_2', 'Hi', {
      payload: { orpSessionId: 'gone' },
      extra: { sessionFallback: 'none' },
    });
    await work();
    expect(noSession.completions[0]).toMatchObject({ success: false, failureKind: 'no_session' });
  });

  it.each([
    { what: 'an unknown kind', kind: 'tea.make', prompt: 'Hi', failureKind: 'unsupported_kind' },
    { what: 'a blank prompt', kind: 'session.prompt', prompt: '  ', failureKind: 'agent_error' },
  ])('completes a job with $what as failed', async ({ kind, prompt, failureKind }) => {
    const job = service.addJob('job_1', prompt, { kind });
    const { code } = await workJson();

    expect(code).toBe(1);
    expect(job.completions[0]).toMatchObject({ success: false, failureKind });
    expect(service.callsOf()).toEqual(['heartbeat', 'poll', 'start', 'messages', 'complete']);
  });

  it('shows on a dry run what would be claimed, and claims nothing', async () => {
    const job = service.addJob('job_1', 'Hi');
    const { code, document } = await workJson('--dry-run');

    expect(code).toBe(0);
    expect(document).toMatchObject({
      ok: true,
      claimed: true,
      dry_run: true,
      job: { id: 'job_1' },
      selected_session: SHOWN_SESSION,
      selection: shownSelection(machine.repo),
      error: '',
    });
    expect(job.status).toBe('queued');
    expect(service.callsOf()).toEqual(['heartbeat', 'poll']);
  });

  it('runs the prompt once although an answer is lost at every step', async () => {
    for (const route of ['start', 'messages', 'logs', 'complete'] as const)
      service.order(route, 'lost', 'unavailable');
    const journal = join(machine.home, 'journal');
    const job = service.addJob('job_1', { journal, say: 'once' });
    const { code } = await workJson();

    expect(code).toBe(0);
    expect(readFileSync(journal, 'utf8').match(/start/g)).toHaveLength(1);
    expect(job.completions).toHaveLength(1);
    expect(service.textOf(job, 'agent')).toBe('once');
  });

  it('does not run the agent when the lease is gone before the start', async () => {
    const journal = join(machine.home, 'journal');
    service.addJob('job_1', { journal, say: 'never' });
    service.order('start', 'refused');
    const { code, document } = await workJson();

    expect(code).toBe(1);
    expect(document.error).toContain('was not started');
    expect(existsSync(journal)).toBe(false);
    expect(spools()).toEqual([]);
  });

  it('stops the agent when the job is cancelled, and sends the receipt', async () => {
    const ready = join(machine.home, 'ready');
    const job = service.addJob('job_1', { ready, hang: true });
    const ending = workJson('--heartbeat-interval', '1');
    await until(() => existsSync(ready));
    service.cancel(job);
    const { code, document } = await ending;

    expect(code).toBe(1);
    expect(job.receipts).toEqual([
      expect.objectContaining({
        leaseId: 'lea_1',
        receipt: expect.objectContaining({ processes: 1, signal: 'SIGINT' }),
      }),
    ]);
    expect(job.completions).toEqual([]);
    expect(document.runtime.last_job.status).toBe('cancelled');
  });

  it('stops the agent when the lease was taken away, and keeps what it answered', async () => {
    const ready = join(machine.home, 'ready');
    const answered = join(machine.home, 'answered');
    const job = service.addJob('job_1', {
      raw: ['{"type":"item.completed","item":{"id":"m","type":"agent_message","text":"Half."}}'],
      ready,
      hang: true,
      answered,
    });
    const ending = workJson('--heartbeat-interval', '1');
    await until(() => service.textOf(job, 'agent') === 'Half.');
    service.reclaim(job);
    job.status = 'running';
    const { code, document } = await ending;

    expect(code).toBe(1);
    expect(document.error).toContain('state/orp/kept/lea_1');
    expect(readFileSync(join(machine.home, 'state/orp/kept/lea_1/result.json'), 'utf8')).toContain('Half.');
    expect(job.completions).toEqual([]);
  });

  it('takes secrets out of everything that leaves the machine', async () => {
    machine.env.MY_API_KEY = 'very-secret-value-1';
    const job = service.addJob('job_1', {
      raw: ['key very-secret-value-1 and dvt_test-token-of-this-machine'],
      say: 'The key is very-secret-value-1.',
    });
    await work();

    expect(JSON.stringify([...service.requests])).not.toContain('very-secret-value-1');
    expect(service.textOf(job, 'stdout')).toBe('key [redacted] and [redacted]\n');
    expect(job.completions[0]?.content).toBe('The key is [redacted].');
  });

  it('carries bytes that are not text as well as they can be shown', async () => {
    const job = service.addJob('job_1', { binary: true, say: 'done' });
    await work();

    expect(service.textOf(job, 'stdout')).toBe('\uFFFD\uFFFD\u0000A\uFFFD(\uFFFD\n');
    expect(job.status).toBe('completed');
  });

  it('cuts output beyond 16 MiB with a mark, and keeps the answer', async () => {
    const job = service.addJob('job_1', { flood: 18 * 1024 * 1024, say: 'still here' });
    const { code } = await workJson();

    expect(code).toBe(0);
    expect(service.textOf(job, 'stdout').length).toBeLessThan(18 * 1024 * 1024);
    expect(service.textOf(job, 'system')).toContain('Output beyond 16 MiB is not kept');
    expect(service.textOf(job, 'agent')).toBe('still here');
    expect(job.completions[0]).toMatchObject({ success: true, content: 'still here' });
  });

  it('refuses to work while disabled, signed out or unlinked', async () => {
    const elsewhere = await runOrp(['runner', 'work', '--once'], { cwd: machine.home, env: machine.env });
    expect(elsewhere).toMatchObject({ code: 2, stdout: '' });
    expect(elsewhere.stderr).toMatch(/^error: No git repository at .*\nhint: /);

    service.isSignedOut = true;
    const signedOut = await work();
    expect(signedOut.code).toBe(2);
    expect(signedOut.stderr).toContain('orp auth login');
  });

  it('ends with 2 when the service is away, and claims nothing', async () => {
    service.isDown = true;
    const job = service.addJob('job_1', 'Hi');
    const { code, stderr } = await work();

    expect(code).toBe(2);
    expect(stderr).toBe('error: refused: unavailable.\nhint: Nothing was claimed. Run it again later.\n');
    expect(JSON.parse((await work('--json')).stderr)).toMatchObject({
      code: 'unavailable',
      status: 503,
      path: '/api/cli/runner/heartbeat',
    });
    expect(job.status).toBe('queued');
  });

  it('refuses to work in a repository whose records cannot be read, and says which', async () => {
    const job = service.addJob('job_1', { say: 'never' });
    const torn = [
      join(machine.repo, '.git/orp/link/sessions/x.json'),
      join(machine.repo, '.git/orp/link/project.json'),
    ];
    for (const path of torn) {
      writeFileSync(path, '{"label": "Ti');
      const { code, stdout, stderr } = await work();
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^error: Could not read the .*: it is not a valid record\.\nhint: .*\n$/);
      expect(stderr).toContain(path);
    }
    expect(job.status).toBe('queued');
    expect(service.requests).toEqual([]);
  });

  it('says on --once that there is no Codex, and claims nothing', async () => {
    const job = service.addJob('job_1', { say: 'never' });
    const { code, stdout, stderr } = await work('--codex-bin', join(machine.home, 'no-codex'));

    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: Codex was not found \(.*no-codex\)\.\nhint: .*--codex-bin.*\n$/);
    expect(job.status).toBe('queued');
    expect(service.requests).toEqual([]);
  });
});
