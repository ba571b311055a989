import { describe, expect, it } from 'vitest';
import type { Client } from '../../../cli/client/client.ts';
import { NO_RETRY } from '../../../cli/client/retry.ts';
import type { FollowEvent } from '../../../cli/hosted/follow-job.ts';
import { followJob } from '../../../cli/hosted/follow-job.ts';
import { newestServer } from '../../support/known-server.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

type Frame = [event: string, data: object, id?: string];

/** One stream with these events. */
function aStream(...frames: readonly Frame[]): Answer {
  const texts = frames.map(([event, data, id]) => {
    return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
  });
  return { body: texts.join(''), headers: { 'content-type': 'text/event-stream' } };
}

function anEntry(seq: number): Frame {
  const at = '2026-04-01T10:00:00.000Z';
  const more = { at, type: 'log', stream: 'stdout', level: 'info', text: `line ${seq}` };
  return ['entry', { attempt: 1, seq, cursor: `1-${seq}`, ...more }, `1-${seq}`];
}

const standing = (status: string): Frame => ['status', { jobId: 'job_1', status, attempt: 1 }];
const again: Frame = ['timeout', { reason: 'reconnect' }];
const end: Frame = ['end', { jobId: 'job_1', status: 'completed' }];

/** Somebody else, in a language that is not ours. */
const PORTAL: Answer = { status: 404, body: '<!doctype html><p>Sign in to the network' };

/** Follows to the end; what was told, the pauses before each stream, and what was in the way. */
async function follow(server: RecordingServer, signal?: AbortSignal, onPause: () => void = () => undefined) {
  const pauses: number[] = [];
  const outages: string[] = [];
  const client: Client = {
    baseUrl: server.url,
    token: 'dvt_secret',
    headers: {},
    timeoutMs: 5000,
    retry: NO_RETRY,
    server: newestServer(),
    sleep: async (ms, signal) => {
      pauses.push(ms);
      onPause();
      signal?.throwIfAborted();
    },
    random: () => 1,
  };
  const told: string[] = [];
  for await (const event of followJob(client, 'job_1', {
    signal,
    onOutage: (message) => outages.push(message),
  }))
    told.push(nameOf(event));
  return { told, pauses, outages, positions: server.asked.map(({ headers }) => headers['last-event-id']) };
}

function nameOf(event: FollowEvent): string {
  return event.kind === 'entry' ? event.entry.text : `${event.kind} ${event.status}`;
}

function inTurn(...answers: readonly Answer[]) {
  let turn = 0;
  return (): Answer => answers[turn++] ?? { status: 500, hangUp: true };
}

describe('following a job', () => {
  it('waits no longer each time a quiet stream has reached its time', async () => {
    const quiet = aStream(standing('queued'), ['timeout', { reason: 'timeout' }]);
    await using server = await RecordingServer.start(
      inTurn(quiet, quiet, quiet, quiet, aStream(standing('running'), end)),
    );
    expect((await follow(server)).pauses).toEqual([1000, 1000, 1000]);
  });

  it('continues after the last entry, at once while there are new entries', async () => {
    await using server = await RecordingServer.start(
      inTurn(
        aStream(standing('queued'), again),
        aStream(standing('running'), anEntry(1), anEntry(2), again),
        aStream(standing('running'), anEntry(3), again),
        aStream(standing('completed'), end),
      ),
    );
    expect(await follow(server)).toEqual({
      outages: [],
      told: [
        'status queued',
        'status running',
        'line 1',
        'line 2',
        'status running',
        'line 3',
        'status completed',
        'end completed',
      ],
      pauses: [],
      positions: [undefined, undefined, '1-2', '1-3'],
    });
  });

  it('pauses longer and longer while streams end without news, or do not open', async () => {
    const nothing = aStream(standing('running'), again);
    await using server = await RecordingServer.start(
      inTurn(nothing, nothing, { hangUp: true }, { status: 503 }, nothing, aStream(end)),
    );
    const { told, pauses } = await follow(server);
    expect(told).toEqual(['status running', 'status running', 'status running', 'end completed']);
    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
  });

  it('continues although not even the first stream opens, and says why', async () => {
    await using server = await RecordingServer.start(inTurn({ hangUp: true }, PORTAL, aStream(end)));
    const { told, outages } = await follow(server);
    expect(told).toEqual(['end completed']);
    expect(outages).toEqual([
      expect.stringContaining('Could not reach'),
      'Something between here and the server answered (a web page).',
    ]);
  });

  it('ends with what the server itself refuses', async () => {
    const body = { error: 'There is no such job.', code: 'not_found', requestId: 'req_1' };
    await using server = await RecordingServer.start(inTurn({ status: 404, body }));
    await expect(follow(server)).rejects.toThrow('There is no such job.');
  });

  it('ends with its signal, also between two streams', async () => {
    await using server = await RecordingServer.start(() => ({ status: 503 }));
    const end = new AbortController();
    const ended = follow(server, end.signal, () => end.abort(new Error('time is up')));
    await expect(ended).rejects.toThrow('time is up');
  });

  it('passes over what it does not know', async () => {
    await using server = await RecordingServer.start(
      inTurn(aStream(['weather', { is: 'fine' }], ['entry', { odd: true }, '1-9'], again), aStream(end)),
    );
    const { told, positions } = await follow(server);
    expect(told).toEqual(['end completed']);
    expect(positions).toEqual([undefined, '1-9']);
  });
});
