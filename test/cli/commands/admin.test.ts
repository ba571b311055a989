import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer, type Script } from '../recording-server.ts';

const AT = '2026-04-01T10:00:00.000Z';

const MACHINE = {
  id: 'mach-1',
  name: 'Mira\u2019s \u001b[31mMac',
  account: { id: 'usr_1', email: 'mira@example.test' },
  platform: 'darwin',
  version: '0.5.0',
  state: 'online',
  draining: false,
  lastSeenAt: AT,
  listening: { transport: 'ws', instance: 'one', since: AT },
  currentJobs: [{ id: 'job_1', status: 'running' }],
  heldCount: 1,
  queuedCount: 2,
  spool: { leases: 3, bytes: 4096, oldestAt: AT },
};
const COUNTS = {
  live: { queued: 2, dispatched: 0, running: 1, lost: 0 },
  endedLastHour: { completed: 5, failed: 1, cancelled: 0 },
};
const RUN = {
  name: 'wrong-prompts',
  action: 'cancel',
  filter: {},
  state: 'running',
  count: 25,
  done: 0,
  skipped: 0,
  createdBy: 'op@example.test',
  createdAt: AT,
  updatedAt: AT,
};

async function withServer<T>(script: Script, work: (desk: Desk, server: RecordingServer) => Promise<T>) {
  await using server = await RecordingServer.startNewest(script);
  using desk = new Desk();
  desk.signIn(server.url);
  return await work(desk, server);
}

describe('orp admin machines', () => {
  const page = { ok: true, machines: [MACHINE], hasMore: true, nextCursor: 'mach-1', ...COUNTS };

  it('is a table on a terminal, without escapes of others, with the way to the next page', () =>
    withServer(
      () => ({ body: page }),
      async (desk, server) => {
        desk.isTerminal = true;
        const { code, stdout } = await desk.orp([
          'admin',
          'machines',
          '--state',
          'online',
          '--q',
          'mira mac',
        ]);
        expect(code).toBe(0);
        expect(stdout).toMatch(/MACHINE +STATE +SEEN +VERSION +JOBS +SPOOL +ACCOUNT/);
        expect(stdout).toMatch(/online +ws +0\.5\.0 +1\+2 +3 +mira@example\.test/);
        expect(stdout).not.toContain('\u001b[31m');
        expect(stdout).toContain('2 queued, 1 active, 0 lost. In the last hour: 5 completed');
        expect(stdout).toContain(
          "→ orp admin machines --q 'mira mac' --state online --limit 50 --cursor mach-1",
        );
        expect(new URLSearchParams(server.only.query).get('q')).toBe('mira mac');
      },
    ));

  it('is one document with --json, and lines in a pipe', () =>
    withServer(
      () => ({ body: page }),
      async (desk) => {
        expect(await desk.json('admin', 'machines')).toMatchObject({
          ok: true,
          machines: [{ id: 'mach-1', spool: { leases: 3 } }],
          next_cursor: 'mach-1',
          has_more: true,
        });
        const { stdout } = await desk.orp(['admin', 'machines']);
        expect(stdout).toContain('live.queued=2\n');
        expect(stdout).toContain('machine.id=mach-1\n');
      },
    ));

  it('says to somebody who is no operator what to do, with exit code 2', () =>
    withServer(
      () => ({
        status: 403,
        body: { error: 'Only an operator may do this.', code: 'forbidden', requestId: 'req_1', hint: 'Ask.' },
      }),
      async (desk) => {
        const { code, error } = await desk.orp(['admin', 'machines']);
        expect(code).toBe(2);
        expect(error?.message).toContain('Only an operator may do this.');
      },
    ));
});

describe('orp admin alerts', () => {
  const alert = {
    kind: 'lost_job',
    id: 'lost_job:job_1',
    since: AT,
    sentence: 'Job job_1 is lost.',
    meaning: 'The machine stopped responding.',
    next: 'Wake it.',
    account: { id: 'usr_1', email: 'mira@example.test' },
    machineId: 'mach-1',
    jobIds: ['job_1'],
    count: 1,
  };
  const counts = {
    ...{ expired_lease: 0, lost_job: 1, no_routeable_session: 0, silent_machine: 0 },
    ...{ repeated_retries: 0, growing_spool: 0, version_drift: 0 },
  };

  it('shows what each means and the next step; --strict makes it the exit code', () =>
    withServer(
      () => ({ body: { ok: true, alerts: [alert], counts, hasMore: false } }),
      async (desk) => {
        desk.isTerminal = true;
        const { code, stdout } = await desk.orp(['admin', 'alerts']);
        expect(code).toBe(0);
        for (const text of ['! Job job_1 is lost.', 'The machine stopped responding.', 'Wake it.'])
          expect(stdout).toContain(text);
        expect((await desk.orp(['admin', 'alerts', '--strict'])).code).toBe(1);
        const piped = await desk.orp(['admin', 'alerts', '--json', '--strict']);
        expect(piped.code).toBe(1);
        expect(JSON.parse(piped.stdout)).toMatchObject({ alerts: [{ kind: 'lost_job' }] });
      },
    ));

  it('says when there is none', () =>
    withServer(
      () => ({ body: { ok: true, alerts: [], counts: { ...counts, lost_job: 0 }, hasMore: false } }),
      async (desk) => {
        desk.isTerminal = true;
        expect(await desk.orp(['admin', 'alerts', '--strict'])).toMatchObject({
          code: 0,
          stdout: '✓ No alerts.\n',
        });
      },
    ));
});

describe('orp admin bulk', () => {
  it('only counts without a name and a count, and says how to go on', () =>
    withServer(
      () => ({ body: { ok: true, count: 25, exact: true } }),
      async (desk, server) => {
        desk.isTerminal = true;
        const words = ['admin', 'bulk', 'cancel', '--account', 'a b', '--status', 'queued'];
        const { code, stdout } = await desk.orp(words);
        expect(code).toBe(0);
        expect(stdout).toContain('25 jobs match.');
        expect(stdout).toContain(
          "→ orp admin bulk cancel --account 'a b' --status queued --name <name> --count 25",
        );
        expect(server.only.body).toEqual({
          action: 'cancel',
          filter: { account: 'a b', status: 'queued' },
          dryRun: true,
        });
      },
    ));

  it('starts a run and asks for its steps until it ends', () => {
    let done = 0;
    const script = ({ path }: Asked) => {
      if (path === '/api/admin/bulk') return { body: { ok: true, run: RUN, created: true } };
      done = Math.min(25, done + 20);
      const state = done === 25 ? 'completed' : 'running';
      return { body: { ok: true, run: { ...RUN, done, state } } };
    };
    return withServer(script, async (desk, server) => {
      const words = [
        'admin',
        'bulk',
        'cancel',
        '--name',
        'wrong-prompts',
        '--count',
        '25',
        '--reason',
        ' oops ',
      ];
      const { code, stdout, stderr } = await desk.orp(words);
      expect(code).toBe(0);
      expect(stdout).toContain('run.state=completed\nrun.count=25\nrun.done=25\n');
      expect(stderr).toBe('20 of 25 done.\n25 of 25 done.\n');
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'POST /api/admin/bulk',
        'POST /api/admin/bulk/wrong-prompts/advance',
        'POST /api/admin/bulk/wrong-prompts/advance',
      ]);
      expect(server.asked[0]?.body).toEqual({
        action: 'cancel',
        filter: {},
        name: 'wrong-prompts',
        count: 25,
        reason: 'oops',
      });
    });
  });

  it('that somebody aborts ends with exit code 1', () => {
    const aborted = { ...RUN, state: 'aborted', abortedBy: 'op@example.test', done: 20 };
    const script = ({ path }: Asked) => ({
      body: { ok: true, run: path === '/api/admin/bulk' ? RUN : aborted, created: true, changed: true },
    });
    return withServer(script, async (desk) => {
      const words = ['admin', 'bulk', 'cancel', '--name', 'wrong-prompts', '--count', '25', '--json'];
      const { code, stdout, stderr } = await desk.orp(words);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ run: { state: 'aborted', done: 20 } });
      expect(stderr).toBe('');
      expect((await desk.orp(['admin', 'bulk', 'abort', 'wrong-prompts'])).stdout).toContain(
        'changed=true\n',
      );
    });
  });

  it.each([
    { words: ['cancel', '--name', 'x'], said: '--count' },
    { words: ['cancel', '--count', '3'], said: '--name' },
    { words: ['show', '../x'], said: 'not the name of a run' },
    { words: ['requeue', '--count', '-1', '--name', 'x'], said: 'whole number' },
  ])('refuses $words before it asks the server', ({ words, said }) =>
    withServer(
      () => ({ body: {} }),
      async (desk, server) => {
        const { code, error } = await desk.orp(['admin', 'bulk', ...words]);
        expect(code).toBe(2);
        expect(error?.message ?? '').toContain(said);
        expect(server.asked).toEqual([]);
      },
    ),
  );

  it.each([
    ['admin'],
    ['admin', 'machines'],
    ['admin', 'alerts'],
    ['admin', 'bulk', 'cancel'],
    ['admin', 'bulk', 'requeue'],
    ['admin', 'bulk', 'show'],
    ['admin', 'bulk', 'abort'],
  ])('has examples in its help: %s %s %s', async (...words) => {
    using desk = new Desk();
    const { code, stdout } = await desk.orp([...words.filter(Boolean), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ orp admin/);
  });
});
