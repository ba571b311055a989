import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

const JOB = {
  id: 'job_1',
  kind: 'session.prompt',
  status: 'queued',
  priority: 0,
  attempt: 0,
  maxAttempts: 3,
  onLeaseLoss: 'hold',
  sessionFallback: 'primary',
  target: {},
  createdAt: '2026-04-01T10:00:00.000Z',
  expiresAt: '2026-04-08T10:00:00.000Z',
  updatedAt: '2026-04-01T10:00:00.000Z',
};

describe('the way to the next page on a terminal', () => {
  it.each([
    { words: [], said: '--limit 25 --cursor job_1' },
    {
      words: ['--status', 'live,failed', '--idea-id', 'ide_7', '--limit', '1'],
      said: '--status live,failed --idea-id ide_7 --limit 1 --cursor job_1',
    },
    {
      words: ['--machine-id', "mira's mac", '--kind', 'idea.checkpoint', '--cursor', 'job_2'],
      said: "--kind idea.checkpoint --machine-id 'mira'\\''s mac' --limit 25 --cursor job_1",
    },
  ])('repeats what $words asked for', async ({ words, said }) => {
    const page = { ok: true, jobs: [JOB], nextCursor: 'job_1', hasMore: true };
    await using server = await RecordingServer.startNewest(() => ({ body: page }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['job', 'list', ...words]);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`→ orp job list ${said}`);
  });

  it('is not said on the last page', async () => {
    const page = { ok: true, jobs: [JOB], hasMore: false };
    await using server = await RecordingServer.startNewest(() => ({ body: page }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.isTerminal = true;
    expect((await desk.orp(['job', 'list'])).stdout).not.toContain('→');
  });
});
