import { expect, it } from 'vitest';
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
  expect(error?.message).toContain('gives the same page again');
  expect(server.asked).toHaveLength(2);
});
