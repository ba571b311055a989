import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

it('a transcript whose cursor does not move ends with an error, not never', async () => {
  const entry = { attempt: 1, seq: 1, cursor: '1-1', at: '2026-04-01T10:00:00.000Z', type: 'log' };
  const page = {
    ok: true,
    entries: [{ ...entry, stream: 'stdout', level: 'info', text: 'one\n' }],
    nextCursor: '1-1',
    hasMore: true,
    status: 'running',
  };
  await using server = await RecordingServer.startNewest(() => ({ body: page }));
  using desk = new Desk();
  desk.signIn(server.url);
  const { code, stdout, error } = await desk.orp(['job', 'logs', 'job_1']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: 'one\none\n' });
  expect(error?.message).toContain('an empty or repeated page');
  expect(server.asked).toHaveLength(2);
});

describe('a transcript without an end', () => {
  const pageOf = (turn: number, { text = 'one\n', cursor = `1-${turn}`, isEmpty = false } = {}) => {
    const entry = { attempt: 1, seq: turn, cursor: `1-${turn}`, at: '2026-04-01T10:00:00.000Z', type: 'log' };
    const entries = isEmpty ? [] : [{ ...entry, stream: 'stdout', level: 'info', text }];
    return { ok: true, entries, nextCursor: cursor, hasMore: true, status: 'running' };
  };

  it.each([
    ['whose cursors come again', (turn: number) => pageOf(turn, { cursor: `1-${turn % 3}` }), 4],
    ['whose pages are empty', (turn: number) => pageOf(turn, { isEmpty: true }), 1],
  ])('%s is given up', async (_what, page, requests) => {
    await using server = await RecordingServer.startNewest(() => ({ body: page(server.asked.length) }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { error } = await desk.orp(['job', 'logs', 'job_1']);
    expect(error?.code).toBe('unexpected_answer');
    expect(server.asked).toHaveLength(requests);
  });

  it('is not gathered for one document', { timeout: 60_000 }, async () => {
    const text = 'x'.repeat(10 * 1024 * 1024);
    await using server = await RecordingServer.startNewest(() => ({
      body: pageOf(server.asked.length, { text }),
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { stdout, error } = await desk.orp(['job', 'logs', 'job_1', '--json']);
    expect([stdout, error?.code]).toEqual(['', 'output_too_long']);
    expect(server.asked).toHaveLength(7);
  });
});
