import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const AT = '2026-04-01T09:58:00.000Z';

function job(id: string, status: string, more: object = {}) {
  return {
    ...{ id: `job_${id}`, kind: 'session.prompt', status, priority: 0, attempt: 1, maxAttempts: 3 },
    ...{ onLeaseLoss: 'hold', sessionFallback: 'primary', target: {}, createdAt: AT, updatedAt: AT },
    ...{ expiresAt: '2026-04-08T10:00:00.000Z', promptStart: `Prompt of ${id}` },
    ...more,
  };
}

const withJobs =
  (...jobs: object[]) =>
  ({ path }: Asked) =>
    path === '/api/cli/runner/jobs'
      ? { body: { ok: true, jobs, hasMore: false } }
      : { body: { ok: true, world: { id: 'wor_1' } } };

async function readyDesk(server: RecordingServer): Promise<Desk> {
  const desk = new Desk();
  desk.signIn(server.url);
  desk.linkTo('ide_1', { idea_title: 'Tidal survey' });
  const words = ['--orp-session-id', 'main', '--label', 'Main', '--codex-session-id', 'c-1'];
  await desk.json('link', 'session', 'register', ...words);
  await desk.json('runner', 'enable');
  return desk;
}

async function see(desk: Desk, ...words: string[]): Promise<string> {
  desk.isTerminal = true;
  return (await desk.orp(words)).stdout;
}

describe('orp status', () => {
  it('shows account, repository, runner, jobs, what needs the person, and the next step', async () => {
    await using server = await RecordingServer.startNewest(
      withJobs(job('a', 'running'), job('b', 'queued'), job('c', 'lost')),
    );
    using desk = await readyDesk(server);
    const page = await see(desk, 'status');
    expect(page).toContain('● 1 job is running.\n');
    expect(page).toContain(`Account     mira@example.test at ${server.url}\n`);
    expect(page).toContain('linked to Tidal survey; 1 of 1 session can take jobs\n');
    expect(page).toMatch(/Runner {6}\S+, enabled, but not running\n/);
    expect(page).toMatch(/job_a {2,}2m|job_a .*running .*Prompt of a/);
    expect(page).toContain('! Job job_c lost its machine while it ran. Retry it, or cancel it.');
    expect(page).toContain('→ orp job retry job_c');
    for (const line of page.split('\n')) expect(line.length).toBeLessThan(400);
  });

  it('has one document, the same for `orp home`', async () => {
    await using server = await RecordingServer.startNewest(withJobs(job('b', 'queued')));
    using desk = await readyDesk(server);
    const document = await desk.json('status');
    expect(Object.keys(document)).toEqual([
      'ok',
      'account',
      'repository',
      'runner',
      'jobs',
      'jobs_error',
      'needs_you',
      'next_actions',
    ]);
    expect(document).toMatchObject({
      account: { connected: true, email: 'mira@example.test' },
      repository: { linked: true, idea_id: 'ide_1', sessions: 1, routeable_sessions: 1, primary: 'main' },
      runner: { enabled: true, running: false, work_ready: true },
      jobs: [{ id: 'job_b' }],
    });
    expect(await desk.json('home')).toEqual(document);
  });

  it('prints lines into a pipe', async () => {
    await using server = await RecordingServer.startNewest(withJobs(job('b', 'queued')));
    using desk = await readyDesk(server);
    const { stdout } = await desk.orp(['status']);
    expect(stdout).toContain('jobs.running=0\njobs.queued=1\njobs.error=\n');
  });

  it('is what `orp` alone prints for somebody who is signed in; others get the help', async () => {
    await using server = await RecordingServer.startNewest(withJobs());
    using desk = await readyDesk(server);
    expect(await see(desk)).toContain('○ No jobs are running or waiting.');
    using stranger = new Desk();
    expect(await see(stranger)).toContain('Usage: orp');
    expect(await see(stranger, 'status')).toMatch(/^○ You are not signed in\..*→ orp setup/s);
  });

  it('says that the server does not answer, and shows the rest', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    const { code, stdout } = await desk.orp(['status', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, jobs: [], jobs_error: expect.stringMatching(/./) });
    expect(await see(desk, 'status')).toContain('! The server does not answer.');
  });
});

describe('the names of jobs', () => {
  it('@last is the newest job', async () => {
    await using server = await RecordingServer.startNewest(({ path }) =>
      path === '/api/cli/runner/jobs'
        ? { body: { ok: true, jobs: [job('new', 'queued')], hasMore: true } }
        : { body: { ok: true, job: { ...job('new', 'cancelled'), prompt: 'Hello.', attempts: [] } } },
    );
    using desk = await readyDesk(server);
    await desk.json('job', 'cancel', '@last');
    expect(server.asked.at(-2)?.query).toContain('limit=1');
    expect(server.asked.at(-1)?.path).toBe('/api/cli/runner/jobs/job_new/cancel');
  });

  it('@running is the job that runs, when there is exactly one', async () => {
    await using server = await RecordingServer.startNewest(withJobs());
    using desk = await readyDesk(server);
    expect((await desk.orp(['job', 'cancel', '@running'])).error).toMatchObject({
      message: 'No job of yours is running.',
    });
    server.answer(withJobs(job('a', 'running'), job('b', 'running')));
    expect((await desk.orp(['job', 'cancel', '@running'])).error).toMatchObject({
      code: 'ambiguous_id',
      hint: 'Name one: job_a, job_b.',
    });
    expect(server.asked.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('a mistyped command', () => {
  it.each([
    [['jbo'], 'Did you mean job?'],
    [['job', 'sumbit'], 'Did you mean submit?'],
    [['link', 'session', 'registr'], 'Did you mean register?'],
    [['link', 'status', '--jsno'], 'Did you mean --json?'],
  ])('%j names the command that was meant', async (words, sentence) => {
    using desk = new Desk();
    const { code, error } = await desk.orp(words);
    expect(code).toBe(2);
    expect(error?.message).toContain(sentence);
  });
});
