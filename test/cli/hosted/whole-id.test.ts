import { describe, expect, it } from 'vitest';
import { A_JOB } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const job = (id: string) => ({ ...A_JOB, id, status: 'completed', attempt: 1 });

/** Knows these jobs, by their whole ids. */
function knowing(...ids: string[]) {
  return ({ path, query }: Asked) => {
    const [, asked = '', verb = ''] = /\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (path.endsWith('/api/cli/ids')) {
      const prefix = new URLSearchParams(query).get('prefix') ?? '';
      return { body: { ok: true, ids: ids.filter((id) => id.startsWith(prefix)) } };
    }
    if (!ids.includes(asked))
      return { status: 404, body: { error: `There is no job ${asked}.`, code: 'not_found', requestId: 'r' } };
    if (verb === 'transcript')
      return { body: { ok: true, entries: [], nextCursor: '', hasMore: false, status: 'completed' } };
    const story = { ...job(asked), prompt: 'Count.', attempts: [], events: [] };
    return { body: { ok: true, job: story } };
  };
}

const VERBS = ['show', 'logs', 'wait', 'cancel', 'retry'];

describe('a job that is named by the beginning of its id', () => {
  it.each(VERBS)('is found by `orp job %s`', async (verb) => {
    await using server = await RecordingServer.startNewest(knowing('job_abc1', 'job_xyz1'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['job', verb, 'job_a'])).error).toBeUndefined();
    expect(server.asked.at(-1)?.path).toContain('/jobs/job_abc1');
  });

  it.each(['cancel', 'retry'])('is found by `orp runner %s`', async (verb) => {
    await using server = await RecordingServer.startNewest(knowing('job_abc1', 'job_xyz1'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['runner', verb, 'job_a'])).error).toBeUndefined();
    expect(server.asked.at(-1)?.path).toContain(`/jobs/job_abc1/${verb}`);
  });

  it('is never guessed: several candidates are listed, and nothing is done to them', async () => {
    await using server = await RecordingServer.startNewest(knowing('job_abc1', 'job_abc2'));
    using desk = new Desk();
    desk.signIn(server.url);
    const { code, error } = await desk.orp(['job', 'cancel', 'job_a']);
    expect([code, error?.code]).toEqual([2, 'ambiguous_id']);
    expect(error?.hint).toContain('job_abc1, job_abc2');
    expect(server.asked.filter(({ path }) => path.includes('abc'))).toEqual([]);
  });

  it('is the object with exactly this id, without another request', async () => {
    await using server = await RecordingServer.startNewest(knowing('job_a', 'job_abc'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['job', 'show', 'job_a', '--json'])).stdout).toContain('"id": "job_a"');
    expect(server.asked.filter(({ path }) => path.endsWith('/ids'))).toEqual([]);
  });

  it('does not exist when none begins so', async () => {
    await using server = await RecordingServer.startNewest(knowing('job_abc1'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['job', 'show', 'job_q'])).error?.code).toBe('not_found');
  });
});

describe('an idea, a feature or a machine that is named by the beginning of its id', () => {
  const IDEA = {
    id: 'ide_abc1',
    title: 'Tides',
    notes: '',
    visibility: 'private',
    createdAt: '',
    updatedAt: '',
  };
  /** Knows one idea and one machine. */
  const answer = ({ path, query, body }: Asked) => {
    if (path.endsWith('/api/cli/ids')) {
      const { kind, prefix } = Object.fromEntries(new URLSearchParams(query)) as {
        kind: string;
        prefix: string;
      };
      const id = { idea: 'ide_abc1', feature: 'fea_abc1', machine: 'mac-abc1' }[kind] ?? '';
      return { body: { ok: true, ids: id.startsWith(prefix) ? [id] : [] } };
    }
    if (/\/(ide_abc1|mac-abc1)/.test(path)) {
      const machine = { id: 'mac-abc1', name: 'workbench', draining: true };
      const checkpoint = { id: 'chk_1', status: 'queued', ideaId: 'ide_abc1', jobId: 'job_1' };
      const removed = { removedIdeaId: 'ide_abc1', mode: 'soft' };
      return {
        body: {
          ok: true,
          ...IDEA,
          ...checkpoint,
          ...removed,
          idea: IDEA,
          features: [],
          machine,
          changed: true,
        },
      };
    }
    if (path.endsWith('/jobs')) {
      return {
        body: { ok: true, created: true, job: { ...job('job_1'), target: body }, jobs: [], hasMore: false },
      };
    }
    return { status: 404, body: { error: 'There is none.', code: 'not_found', requestId: 'r' } };
  };

  it.each([
    ['idea show ide_a', '/ideas/ide_abc1'],
    ['idea update ide_a --title T', '/ideas/ide_abc1'],
    ['idea remove ide_a', '/ideas/ide_abc1'],
    ['idea restore ide_a', '/ideas/ide_abc1/restore'],
    ['world show ide_a', '/ideas/ide_abc1/world'],
    ['checkpoint queue --idea-id ide_a --feature-id fea_a', '/ideas/ide_abc1/checkpoints'],
    ['runner drain --machine-id mac-a', '/machines/mac-abc1/drain'],
    ['job submit Go. --idea-id ide_a --machine-id mac-a', '/jobs'],
    ['job list --idea-id ide_a --machine-id mac-a', '/jobs'],
  ])('is found by `orp %s`', async (command, path) => {
    await using server = await RecordingServer.startNewest(answer);
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.orp('whoami'.split(' '));
    const { error } = await desk.orp(command.split(' '));
    expect(error).toBeUndefined();
    const last = server.asked.findLast((asked) => asked.path.endsWith(path));
    expect(last, command).toBeDefined();
    const sent = `${last?.query} ${JSON.stringify(last?.body)}`;
    for (const [option, id] of [
      ['--feature-id', 'fea_abc1'],
      ['--machine-id mac-a', 'mac-abc1'],
    ] as const) {
      if (command.includes(option) && path !== '/machines/mac-abc1/drain') expect(sent).toContain(id);
    }
    if (path === '/jobs') expect(sent).toContain('ide_abc1');
  });
});

describe('a session that is named by the beginning of its id', () => {
  const register = (id: string) =>
    `link session register --orp-session-id ${id} --label ${id} --codex-session-id c-${id}`.split(' ');

  it('is found if it is the only match, and otherwise all matches are listed', async () => {
    using desk = new Desk();
    for (const id of ['main', 'mail', 'm']) await desk.orp(register(id));
    expect((await desk.orp(['link', 'session', 'show', 'mail'])).stdout).toContain('session.id=mail\n');
    expect((await desk.orp(['link', 'session', 'show', 'm'])).stdout).toContain('session.id=m\n');
    expect((await desk.orp(['link', 'session', 'archive', 'mai'])).error?.hint).toContain('mail');
    expect((await desk.orp(['link', 'session', 'show', 'maii'])).error?.code).toBe('unknown_session');
  });
});
