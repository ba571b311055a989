import { describe, expect, it } from 'vitest';
import { A_JOB } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

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
    const page = { ok: true, jobs: [A_JOB], nextCursor: 'job_1', hasMore: true };
    await using server = await RecordingServer.startNewest(() => ({ body: page }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['job', 'list', ...words]);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`→ orp job list ${said}`);
  });

  it('is not said on the last page', async () => {
    const page = { ok: true, jobs: [A_JOB], hasMore: false };
    await using server = await RecordingServer.startNewest(() => ({ body: page }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.isTerminal = true;
    expect((await desk.orp(['job', 'list'])).stdout).not.toContain('→');
  });
});
