import { describe, expect, it } from 'vitest';
import { A_JOB } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const job = (id: string) => ({ ...A_JOB, id, status: 'completed', attempt: 1 });

/** Knows these jobs, by their whole ids. */
function knowing(...ids: string[]) {
  return ({ path, query }: Asked) => {
    const [, asked = '', verb = ''] = /\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (asked === '') {
      const prefix = new URLSearchParams(query).get('idPrefix') ?? '';
      return { body: { ok: true, jobs: ids.filter((id) => id.startsWith(prefix)).map(job), hasMore: false } };
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

  it('is the one whose id it is exactly, without another question', async () => {
    await using server = await RecordingServer.startNewest(knowing('job_a', 'job_abc'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['job', 'show', 'job_a', '--json'])).stdout).toContain('"id": "job_a"');
    expect(server.asked.filter(({ query }) => query.includes('idPrefix'))).toEqual([]);
  });

  it('does not exist when none begins so', async () => {
    await using server = await RecordingServer.startNewest(knowing('job_abc1'));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['job', 'show', 'job_q'])).error?.code).toBe('not_found');
  });
});

describe('a session that is named by the beginning of its id', () => {
  const register = (id: string) =>
    `link session register --orp-session-id ${id} --label ${id} --codex-session-id c-${id}`.split(' ');

  it('is found where it is the only one, and listed where it is not', async () => {
    using desk = new Desk();
    for (const id of ['main', 'mail', 'm']) await desk.orp(register(id));
    expect((await desk.orp(['link', 'session', 'show', 'mail'])).stdout).toContain('session.id=mail\n');
    expect((await desk.orp(['link', 'session', 'show', 'm'])).stdout).toContain('session.id=m\n');
    expect((await desk.orp(['link', 'session', 'archive', 'mai'])).error?.hint).toContain('mail');
    expect((await desk.orp(['link', 'session', 'show', 'maii'])).error?.code).toBe('unknown_session');
  });
});
