import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';

const AT = '2026-04-01T10:00:00.000Z';

function aJob(status: string, more: object = {}) {
  return {
    ...{ id: 'job_1', kind: 'session.prompt', status, priority: 0, attempt: 1, maxAttempts: 1 },
    ...{ onLeaseLoss: 'hold', sessionFallback: 'primary', target: {}, createdAt: AT, updatedAt: AT },
    ...{ expiresAt: AT, prompt: 'Hi', attempts: [], events: [] },
    ...more,
  };
}

function aStream(...frames: [event: string, data: object][]): Answer {
  const texts = frames.map(
    ([event, data], at) => `event: ${event}\nid: 1-${at}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return { body: texts.join(''), headers: { 'content-type': 'text/event-stream' } };
}

const entry = (type: string, stream: string, text: string): [string, object] => [
  'entry',
  { attempt: 1, seq: 1, cursor: '1-1', at: AT, type, stream, level: 'info', text },
];
const end = (status: string): [string, object] => ['end', { jobId: 'job_1', status }];

async function submit(told: { follow?: Answer; job: object }, ...words: string[]) {
  const answer = ({ method, path }: Asked): Answer => {
    if (path.endsWith('/events')) return told.follow ?? aStream();
    return {
      body: { ok: true, created: method === 'POST', job: method === 'POST' ? aJob('queued') : told.job },
    };
  };
  await using server = await RecordingServer.startNewest(answer);
  using desk = new Desk();
  desk.signIn(server.url);
  return await desk.orp(['job', 'submit', 'Hi', '--anywhere', '--wait', ...words]);
}

describe('orp job submit --wait', () => {
  it('prints only the answer on stdout, and exits with 0', async () => {
    const follow = aStream(
      entry('message', 'agent', 'First part.'),
      entry('log', 'stdout', 'noise of a command'),
      entry('message', 'agent', 'Second part.\u001b[2J'),
      end('completed'),
    );
    const { code, stdout, stderr } = await submit({
      follow,
      job: aJob('completed', { content: 'Second part.' }),
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'First part.\nSecond part.\n' });
    expect(stderr).toMatch(/^Queued job_1\n/);
  });

  it('prints the stored answer when no message was streamed', async () => {
    const { stdout } = await submit({
      follow: aStream(end('completed')),
      job: aJob('completed', { content: 'The answer.' }),
    });
    expect(stdout).toBe('The answer.\n');
  });

  it('exits with 1 when the job fails, and says why on stderr', async () => {
    const { code, stdout, stderr } = await submit({
      follow: aStream(end('failed')),
      job: aJob('failed', { error: 'The agent gave up.' }),
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('The agent gave up.');
  });

  it('exits with 124 at the time limit, while the job continues', async () => {
    for (const words of [[], ['--json']]) {
      const { code, error } = await submit({ job: aJob('running') }, '--wait-timeout', '1', ...words);
      expect({ code, reason: error?.code, hint: error?.hint }).toEqual({
        code: 124,
        reason: 'wait_timeout',
        hint: 'It goes on: `orp job wait job_1`, or `orp job cancel job_1`.',
      });
    }
  });

  it('prints one document with --json, when the job has ended', async () => {
    const { code, stdout } = await submit({ job: aJob('failed', { error: 'No.' }) }, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, job: { id: 'job_1', error: 'No.' } });
  });
});
