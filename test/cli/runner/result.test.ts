import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitContent, judgeRun, reportOf, summarise } from '../../../cli/runner/result.ts';
import { JOB_KINDS, MAX_RESULT_BYTES } from '../../../spec/job/kinds.ts';

const PROMPT = { now: new Date('2026-04-01T10:00:00Z'), kind: 'session.prompt' };
const HELD = { jobId: 'job_1', leaseId: 'lea_1' };

function aRun(overrides: Partial<Parameters<typeof judgeRun>[0]> = {}): Parameters<typeof judgeRun>[0] {
  return {
    kind: 'ended',
    end: { exitCode: 0, signal: null },
    answer: undefined,
    failure: undefined,
    stdout: '',
    stderr: '',
    ...overrides,
  };
}

describe('the result of a run', () => {
  it('is the answer of the agent, else what it printed, else that there was none', () => {
    expect(judgeRun(aRun({ answer: 'A', stdout: 'B' }), PROMPT)).toMatchObject({
      outcome: 'completed',
      content: 'A',
    });
    expect(judgeRun(aRun({ stdout: 'B', stderr: 'C' }), PROMPT)).toMatchObject({
      content: 'B',
      summary: 'B',
    });
    expect(judgeRun(aRun({ stderr: 'C' }), PROMPT)).toMatchObject({ content: 'C' });
    const silent = judgeRun(aRun(), PROMPT);
    expect(silent).toMatchObject({ outcome: 'completed', summary: 'Codex finished without an answer.' });
    expect(reportOf(silent)).toMatchObject({ success: true, content: null, error: null });
  });

  it('of a failed run keeps the answer, and tells the reason and how it ended', () => {
    const failed = judgeRun(
      aRun({ end: { exitCode: 1, signal: null }, failure: 'No disk.', answer: 'Half.' }),
      PROMPT,
    );

    expect(reportOf(failed)).toEqual({
      success: false,
      summary: 'Half.',
      content: 'Half.',
      error: 'No disk. (Codex ended with exit code 1)',
      failureKind: 'agent_error',
    });
    expect(judgeRun(aRun({ end: { exitCode: null, signal: 'SIGSEGV' } }), PROMPT).error).toContain('SIGSEGV');
  });

  it('of a stopped run follows the reason', () => {
    const receipt = { processes: 1, left: 0, signal: 'SIGINT' as const, tookMs: 12 };
    const stopped = (reason: NonNullable<ReturnType<typeof aRun>['stopped']>['reason']) =>
      judgeRun(aRun({ end: { exitCode: null, signal: 'SIGINT' }, stopped: { reason, receipt } }), PROMPT);

    expect(stopped({ kind: 'time_limit', limitMs: 3_600_000 })).toMatchObject({
      outcome: 'failed',
      failure_kind: 'agent_timeout',
      error: 'The agent was stopped after 60 min: its time limit.',
    });
    expect(stopped({ kind: 'silence', limitMs: 1_800_000 })).toMatchObject({
      outcome: 'failed',
      failure_kind: 'agent_timeout',
      error: 'The agent was stopped after 30 min without output: its silence limit.',
    });
    expect(stopped({ kind: 'cancelled' })).toMatchObject({ outcome: 'cancelled', receipt: { processes: 1 } });
    expect(stopped({ kind: 'lease_lost', why: 'revoked' }).error).toContain('revoked');
  });
});

describe('a summary', () => {
  it.each([
    ['\n\n  Grid is ready.  \nMore', 'Grid is ready.'],
    ['# Result\n\nGrid is ready.', 'Grid is ready.'],
    ['## Only a heading', 'Only a heading'],
    ['#hashtag first', '#hashtag first'],
  ])('of %j', (answer, summary) => {
    expect(summarise(answer, 'session.prompt')).toBe(summary);
  });

  it.each([
    ['## Current state\n\nThe grid is ready.\n## Action items\n- Test it.', 'The grid is ready.'],
    ['Here it is.\n## Previous state\nNo grid.\n## Heading state\nTowards a grid.', 'Towards a grid.'],
    ['# Review\n\nNothing to say.', 'Nothing to say.'],
  ])('of the review %j', (answer, summary) => {
    expect(summarise(answer, 'idea.checkpoint')).toBe(summary);
  });

  it('is absent for blank text, and has at most 280 characters', () => {
    expect(summarise(' \n\t\n', 'session.prompt')).toBeUndefined();
    const kind = fc.constantFrom(...JOB_KINDS);
    fc.assert(fc.property(fc.string(), kind, (text, of) => (summarise(text, of)?.length ?? 0) <= 280));
  });
});

describe('an answer that is too long', () => {
  it('is cut with a mark, never through a character, and kept whole on this machine', async () => {
    const kept: string[] = [];
    const keep = async (name: string, text: string) => {
      kept.push(text);
      return `/state/${name}`;
    };
    const whole = '✓'.repeat(MAX_RESULT_BYTES / 2);
    const fitted = await fitContent(whole, HELD, keep);

    expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(MAX_RESULT_BYTES);
    expect(fitted).toMatch(
      /^✓+\n\n\[cut after 1 MiB of \d+ bytes; the whole answer is on the machine in \/state\/lea_1\]$/,
    );
    expect(kept).toEqual([whole]);
    expect(await fitContent('short', HELD, keep)).toBe('short');
  });
});
