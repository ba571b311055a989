/** `orp job wait` and `orp job logs --follow`: an outage ends neither, the reason to wait is told, and the story has an end. */

import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';

const PAGE: Answer = { status: 403, body: '<!doctype html><p>Sign in to the network' };
const GONE: Answer = {
  status: 404,
  body: { error: 'There is no such job.', code: 'not_found', requestId: 'req_1' },
};

function aJob(status: string, more: object = {}) {
  const at = '2026-04-01T10:00:00.000Z';
  return {
    id: 'job_1',
    kind: 'session.prompt',
    status,
    priority: 0,
    attempt: 1,
    maxAttempts: 1,
    onLeaseLoss: 'hold',
    sessionFallback: 'primary',
    target: {},
    createdAt: at,
    expiresAt: at,
    updatedAt: at,
    prompt: 'Hi',
    attempts: [],
    events: [],
    ...more,
  };
}

const shown = (status: string, more: object = {}): Answer => ({
  body: { ok: true, job: aJob(status, more) },
});
const waitingFor = (message: string) => ({
  waiting: { code: 'machine_offline', message, since: '2026-04-01T10:00:00.000Z' },
});

type Frame = [event: string, data: object, id?: string];

function aStream(...frames: readonly Frame[]): Answer {
  const texts = frames.map(([event, data, id]) => {
    return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
  });
  return { body: texts.join(''), headers: { 'content-type': 'text/event-stream' } };
}

function anEntry(seq: number, text: string, stream = 'stdout'): Frame {
  const at = '2026-04-01T10:00:00.000Z';
  const more = { at, type: 'log', stream, level: 'info', text };
  return ['entry', { attempt: 1, seq, cursor: `1-${seq}`, ...more }, `1-${seq}`];
}

const standing = (status: string): Frame => ['status', { jobId: 'job_1', status, attempt: 1 }];
const ended = (status: string): Frame => ['end', { jobId: 'job_1', status }];
const again: Frame = ['timeout', { reason: 'reconnect' }];

/** Answers each route one after the other; the last answer stays. */
async function run(words: readonly string[], script: { show?: Answer[]; follow?: Answer[] }) {
  const turns = { show: 0, follow: 0 };
  const answer = ({ path }: Asked): Answer => {
    const route = path.endsWith('/events') ? 'follow' : 'show';
    const answers = script[route] ?? [];
    const turn = Math.min(turns[route], answers.length - 1);
    turns[route] += 1;
    return answers[turn] ?? { status: 500 };
  };
  await using server = await RecordingServer.startNewest(answer);
  using desk = new Desk();
  desk.signIn(server.url);
  const outcome = await desk.orp(words);
  const positions = server.asked
    .filter(({ path }) => path.endsWith('/events'))
    .map(({ headers }) => headers['last-event-id']);
  return { ...outcome, positions, asked: server.asked.length };
}

const WAIT = ['job', 'wait', 'job_1'];
const FOLLOW = ['job', 'logs', 'job_1', '--follow'];

describe('job wait', () => {
  it('continues through an outage, whatever answers in the meantime, and reports it once', async () => {
    const busy = { status: 503, body: { error: 'busy', code: 'unavailable', requestId: 'req_1' } };
    const away = Array<Answer>(4).fill(PAGE);
    const { code, stderr } = await run(WAIT, {
      show: [shown('running'), ...away, ...away, { hangUp: true }, busy, shown('completed')],
    });
    expect(code).toBe(0);
    expect(stderr).toBe('running\nSomething between here and the server answered (a web page). Retrying.\n');
  });

  it('says why the job waits, and again when the reason is another one', async () => {
    const { stderr } = await run(WAIT, {
      show: [
        shown('queued', waitingFor('The machine is off.')),
        shown('queued', waitingFor('The machine is off.')),
        shown('queued', waitingFor('A person is asked.')),
        shown('completed'),
      ],
    });
    expect(stderr).toBe('The machine is off.\nA person is asked.\n');
  });

  it('ends with the time limit, also while nobody answers', async () => {
    const { code, error } = await run([...WAIT, '--timeout', '1'], { show: [{ hangUp: true }] });
    expect([code, error?.code]).toEqual([2, 'wait_timeout']);
    expect(error?.message).toContain('the server is unreachable');
  });

  it('ends with what the server itself refuses', async () => {
    const { code, error } = await run(WAIT, { show: [shown('running'), GONE] });
    expect([code, error?.code]).toEqual([2, 'not_found']);
  });
});

describe('job logs --follow', () => {
  it('continues after the last entry after an outage', async () => {
    const { code, stdout, stderr, positions } = await run(FOLLOW, {
      show: [shown('running')],
      follow: [
        { hangUp: true },
        aStream(standing('running'), anEntry(1, 'one')),
        PAGE,
        aStream(standing('completed'), anEntry(2, 'two'), ended('completed')),
      ],
    });
    expect([code, stdout]).toEqual([0, 'one\ntwo\n']);
    expect(positions).toEqual([undefined, undefined, '1-1', '1-1']);
    expect(stderr).toContain('answered (a web page). Reconnecting.');
  });

  const receipt = 'Cancelled: 2 processes ended by SIGINT after 40 ms.';
  const at = '2026-04-01T10:00:00.000Z';
  const running = { attempts: [{ attempt: 1, outcome: 'cancelled', startedAt: at }], cancel: { at } };
  // The story of a job names the lease behind the words that its transcript has.
  const story = [{ at, action: 'stopped', detail: `${receipt} (lease lea_1)` }];
  const confirmed = { ...running, cancel: { at, confirmedAt: at }, events: story };

  it('shows the receipt that comes after a cancel, and ends with it', async () => {
    const { code, stdout, positions } = await run(FOLLOW, {
      show: [shown('cancelled', running), PAGE, shown('cancelled', confirmed)],
      follow: [
        aStream(standing('running'), anEntry(1, 'one'), again),
        aStream(standing('cancelled'), ended('cancelled')),
        aStream(standing('cancelled'), ended('cancelled')),
        aStream(standing('cancelled'), anEntry(2, receipt, 'system'), ended('cancelled')),
      ],
    });
    expect([code, stdout]).toEqual([0, `one\n[system] ${receipt}\n`]);
    expect(positions).toEqual([undefined, '1-1', '1-1', '1-1']);
  });

  it('ends at once when the receipt is in the transcript already', async () => {
    const { code, stdout, positions } = await run(FOLLOW, {
      show: [shown('cancelled', confirmed)],
      follow: [aStream(standing('cancelled'), anEntry(1, receipt, 'system'), ended('cancelled'))],
    });
    expect([code, stdout]).toEqual([0, `[system] ${receipt}\n`]);
    expect(positions).toEqual([undefined]);
  });

  it('waits for no receipt of a job that never ran', async () => {
    const { stderr, asked } = await run(FOLLOW, {
      show: [shown('cancelled', { cancel: { at: '2026-04-01T10:00:00.000Z' } })],
      follow: [aStream(standing('cancelled'), ended('cancelled'))],
    });
    expect([stderr, asked]).toEqual(['job_1 is cancelled\n', 2]);
  });

  it('says why a queued job waits', async () => {
    const { stderr } = await run(FOLLOW, {
      show: [shown('queued', waitingFor('The machine is off.'))],
      follow: [
        aStream(standing('queued'), ['timeout', { reason: 'timeout' }]),
        aStream(standing('queued'), ['timeout', { reason: 'timeout' }]),
        aStream(standing('completed'), ended('completed')),
      ],
    });
    expect(stderr).toContain('job_1 is queued\nThe machine is off.\n');
    expect(stderr.match(/The machine is off/g)).toHaveLength(1);
  });

  it('ends with its time limit', async () => {
    const { code, error } = await run([...FOLLOW, '--timeout', '1'], { follow: [{ hangUp: true }] });
    expect([code, error?.code]).toEqual([2, 'wait_timeout']);
  });
});
