import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';

const ID = 'chk_0123456789abcdefghijkl';
const REVIEW = {
  id: ID,
  ideaId: 'ide_77',
  jobId: 'job_1',
  triggerType: 'agent-feedback',
  status: 'completed',
  createdAt: '2026-04-01T09:00:00.000Z',
  respondedAt: '2026-04-01T09:30:00.000Z',
  summary: 'The grid is ready.',
};
const WHOLE = {
  ...REVIEW,
  body: '## Current state\nThe grid is ready.\n',
  structuredOutput: { currentState: 'The grid is ready.', reviewNotes: ['neat', 'fast'], actionItems: [] },
};

const answers =
  (whole: object = WHOLE, page: object = { checkpoints: [REVIEW], hasMore: true, nextCursor: ID }) =>
  ({ path }: Asked): Answer => ({
    body: path.endsWith('/checkpoints') ? { ok: true, ...page } : { ok: true, checkpoint: whole },
  });

const ignore: (desk: Desk) => void = () => undefined;

async function run(
  words: readonly string[],
  { script = answers(), start = RecordingServer.startNewest, arrange = ignore } = {},
) {
  await using server = await start(script);
  using desk = new Desk();
  desk.signIn(server.url);
  arrange(desk);
  return { ...(await desk.orp(words)), asked: server.asked };
}

const onTerminal = (desk: Desk) => {
  desk.isTerminal = true;
};

describe('orp checkpoint list', () => {
  it('prints a row for each review, and the cursor of the next page', async () => {
    const words = ['checkpoint', 'list', '--idea-id', 'ide_77', '--limit', '1', '--cursor', 'chk_9'];
    const { stdout, asked } = await run(words);
    expect(asked[0]).toMatchObject({
      path: '/api/cli/ideas/ide_77/checkpoints',
      query: 'limit=1&cursor=chk_9',
    });
    expect(stdout).toBe(`checkpoints.count=1
cursor=${ID}
has_more=true
---
checkpoint.id=${ID}
checkpoint.status=completed
checkpoint.created_at=2026-04-01T09:00:00.000Z
checkpoint.summary=The grid is ready.
`);
    const json = await run([...words, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({
      ok: true,
      checkpoints: [REVIEW],
      cursor: ID,
      has_more: true,
    });
  });

  it('asks for the idea of the linked repository, and says how to name one elsewhere', async () => {
    const { asked } = await run(['checkpoint', 'list'], { arrange: (desk) => desk.linkTo('ide_5') });
    expect(asked[0]?.path).toBe('/api/cli/ideas/ide_5/checkpoints');
    const elsewhere = await run(['checkpoint', 'list']);
    expect(elsewhere).toMatchObject({ code: 2, asked: [] });
    expect(elsewhere.error?.hint).toContain('--idea-id');
  });

  it('on a terminal, it is a table with the next page, or the command that queues a review', async () => {
    const words = ['checkpoint', 'list', '--idea-id', 'ide_77'];
    const { stdout } = await run(words, { arrange: onTerminal });
    expect(stdout).toMatch(
      /CHECKPOINT +AGE +STATUS +SUMMARY\nchk_\w+ +60m +completed +The grid is ready\.\n/,
    );
    expect(stdout).toContain(`→ orp checkpoint list --idea-id ide_77 --cursor ${ID}`);
    const script = answers(WHOLE, { checkpoints: [], hasMore: false });
    const empty = await run(words, { arrange: onTerminal, script });
    expect(empty.stdout).toBe('○ No reviews.\n→ orp checkpoint queue --idea-id ide_77\n');
  });

  it('says what to do instead with a server that has no list of reviews', async () => {
    const { code, error } = await run(['checkpoint', 'list', '--idea-id', 'ide_77'], {
      start: RecordingServer.start,
    });
    expect([code, error?.code]).toEqual([2, 'not_offered']);
    expect(error?.hint).toContain('orp job list');
  });
});

describe('orp checkpoint show', () => {
  it('prints the status, the response and each section in a pipe', async () => {
    const { stdout } = await run(['checkpoint', 'show', ID]);
    expect(stdout).toContain('checkpoint.status=completed\n');
    expect(stdout).toContain('job.id=job_1\n');
    expect(stdout).toContain('checkpoint.current_state=The grid is ready.\n');
    expect(stdout.split('\n').every((line) => line === '' || /^[a-z._]+=/.test(line))).toBe(true);
    const json = await run(['checkpoint', 'show', ID, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ ok: true, checkpoint: WHOLE });
  });

  it('shows the sections on a terminal, or the text of a response without sections', async () => {
    const { stdout } = await run(['checkpoint', 'show', ID], { arrange: onTerminal });
    expect(stdout).toContain('\nCurrent state\nThe grid is ready.\n\nReview notes\n- neat\n- fast\n');
    expect(stdout).not.toContain('Action items');
    const { structuredOutput: _, ...plain } = WHOLE;
    const other = await run(['checkpoint', 'show', ID], {
      arrange: onTerminal,
      script: answers({ ...plain, body: 'Just text.\u001b[31m' }),
    });
    expect(other.stdout).toContain('\nJust text.');
    expect(other.stdout).not.toContain('\u001b');
  });

  it('names the command that waits for a review without a response', async () => {
    const { respondedAt: _, summary: __, ...waiting } = { ...REVIEW, status: 'queued' };
    const { stdout } = await run(['checkpoint', 'show', ID], {
      arrange: onTerminal,
      script: answers(waiting),
    });
    expect(stdout).toContain('→ orp job wait job_1\n');
  });

  it('finds a review by the beginning of its id', async () => {
    const script = (asked: Asked): Answer => {
      if (asked.path === '/api/cli/ids') return { body: { ok: true, ids: [ID] } };
      if (asked.path.endsWith('/chk_01'))
        return { status: 404, body: { error: 'There is no review chk_01.', code: 'not_found' } };
      return answers()(asked);
    };
    const { asked, code } = await run(['checkpoint', 'show', 'chk_01', '--json'], { script });
    expect(code).toBe(0);
    expect(asked[1]?.query).toBe('kind=checkpoint&prefix=chk_01');
  });
});
