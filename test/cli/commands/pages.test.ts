import { describe, expect, it } from 'vitest';
import { listPage } from '../../../cli/commands/job-pages.ts';
import { jobEndLine, shortIds } from '../../../cli/output/job-words.ts';
import { bare } from '../../../cli/output/text-output.ts';
import { textWidth } from '../../../cli/output/text-width.ts';

const AT = new Date(2026, 3, 1, 5, 43).getTime();

describe('the end of a job on a terminal', () => {
  const END = { id: 'job_01k9x2p4q7abcdef', at: AT, session: 'Main', tookMs: 20_400 };

  it('is one line with time, session, duration, answer and id', () => {
    const line = jobEndLine({ ...END, outcome: 'completed', text: 'The gauges were counted: 12.' }, 100);
    expect(bare(line)).toBe(
      '✓ 05:43 Main · completed in 20 s · The gauges were counted: 12. · job_01k9x2p4q\n',
    );
  });

  it('fits into 80 columns, however long the answer is', () => {
    const line = bare(jobEndLine({ ...END, outcome: 'completed', text: '日本語 '.repeat(80) }, 80));
    expect(textWidth(line.trimEnd())).toBeLessThan(80);
    expect(line).toContain('…');
  });

  it('names the whole reason of a failure', () => {
    const reason = `The disk is full: ${'x'.repeat(120)}`;
    const line = bare(jobEndLine({ ...END, outcome: 'failed', text: `${reason}\nsecond` }, 80));
    expect(line).toBe(`✗ 05:43 Main · failed after 20 s · ${reason}\\nsecond · ${END.id}\n`);
  });
});

describe('the list of jobs on a terminal', () => {
  const job = (id: string, promptStart: string | undefined) =>
    ({
      id,
      status: 'running',
      kind: 'session.prompt',
      promptStart,
      createdAt: new Date(AT).toISOString(),
    }) as never;

  it('shows what the jobs are, one row each, in 80 columns', () => {
    const jobs = [
      job('job_01k9x2p4q7abc', 'Count the gauges of the estuary. '.repeat(9)),
      job('job_01k9x2p5a7abc', 'Go.'),
    ];
    const page = { ok: true as const, jobs, hasMore: false, nextCursor: undefined };
    const text = bare(listPage(page, { options: { limit: 25 }, columns: 80, now: AT + 12 * 60_000 }));
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe('job_01k9x2p5a  12m  running  Go.');
    expect(Math.max(...lines.map(textWidth))).toBeLessThan(80);
  });

  it('keeps ids unique however near they are, and never longer than they are', () => {
    expect(shortIds(['job_01k9x2p4q7abc', 'job_01k9x2p4q7abd'])).toEqual([
      'job_01k9x2p4q7abc',
      'job_01k9x2p4q7abd',
    ]);
    expect(shortIds(['job_1', 'job_10'])).toEqual(['job_1', 'job_10']);
    expect(shortIds(['job_01k9x2p4q7abc', 'job_01k9x2p4r7abc'])).toEqual(['job_01k9x2p4q', 'job_01k9x2p4r']);
  });
});
