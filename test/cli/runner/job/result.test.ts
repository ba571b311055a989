import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitContent, judgeRun, reportOf, summarise } from '../../../../cli/runner/job/result.ts';
import { JOB_KINDS, MAX_RESULT_BYTES } from '../../../../spec/job/kinds.ts';

const PROMPT = { now: new Date('2026-04-01T10:00:00Z'), kind: 'session.prompt', agent: 'Codex' };
const HELD = { jobId: 'job_1', leaseId: 'lea_1' };

const COMPLETED = { sessionId: 's', state: 'completed', hasEvents: true, hasEffect: true } as const;
/** A program that reports nothing of what it does. */
const PLAIN = { sessionId: undefined, state: 'unknown', hasEvents: false, hasEffect: true } as const;

function aRun(overrides: Partial<Parameters<typeof judgeRun>[0]> = {}): Parameters<typeof judgeRun>[0] {
  return {
    kind: 'ended',
    end: { exitCode: 0, signal: null },
    answer: undefined,
    turn: COMPLETED,
    failure: undefined,
    stdout: '',
    stderr: '',
    ...overrides,
  };
}

describe('the result of a run', () => {
  it('is the answer of the agent, and of a program without events what it printed', () => {
    expect(judgeRun(aRun({ answer: 'A', stdout: 'B' }), PROMPT)).toMatchObject({
      outcome: 'completed',
      content: 'A',
    });
    expect(judgeRun(aRun({ turn: PLAIN, stdout: 'B', stderr: 'C' }), PROMPT)).toMatchObject({
      outcome: 'completed',
      content: 'B',
      summary: 'B',
    });
  });

  it.each([
    ['a completed turn', COMPLETED, { stdout: '$ ls\n', stderr: 'warning: slow' }],
    ['a program without events', PLAIN, { stderr: 'warning: slow' }],
  ])('of %s without an answer is a failure, whatever stderr says', (_, turn, printed) => {
    const silent = judgeRun(aRun({ turn, ...printed }), PROMPT);

    expect(reportOf(silent)).toEqual({
      success: false,
      summary: null,
      content: null,
      error: 'The agent ended without an answer.',
      failureKind: 'agent_error',
    });
  });

  it.each(['failed', 'open'] as const)(
    'of a turn that is %s is a failure, although the program exits with 0',
    (state) => {
      const run = aRun({ turn: { ...COMPLETED, state }, answer: 'I will look.', failure: 'Refused.' });

      expect(judgeRun(run, PROMPT)).toMatchObject({
        outcome: 'failed',
        failure_kind: 'agent_error',
        error: 'Refused.',
        content: 'I will look.',
      });
      const silent = judgeRun({ ...run, answer: undefined, failure: undefined }, PROMPT);
      expect(silent.outcome).toBe('failed');
      expect(silent.error).not.toBe('');
    },
  );

  it.each([0, 1, null])(
    'of a run in another session is that failure alone, with exit code %j',
    (exitCode) => {
      const run = aRun({ end: { exitCode, signal: null }, otherSession: 'other', answer: 'A', stdout: 'B' });
      const result = judgeRun(run, PROMPT);

      expect(result).toMatchObject({ outcome: 'failed', failure_kind: 'session_missing' });
      expect(JSON.stringify(result)).not.toMatch(/"[AB]"/);
    },
  );

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

  it.each([
    ['context_full', 'Compact the session in its agent'],
    ['model_unavailable', 'Choose another model'],
  ] as const)('of a run that met %s is that failure, and says what to do', (kind, remedy) => {
    const turn = { ...COMPLETED, state: 'failed', hasEffect: false } as const;
    const result = judgeRun(aRun({ turn, failure: 'No room', reading: { kind } }), PROMPT);

    expect(result).toMatchObject({ outcome: 'failed', failure_kind: kind });
    expect(result.error).toMatch(new RegExp(`^No room\\. ${remedy}.* Then retry the job\\.$`));
    // The next attempt would fail, too.
    expect(result.release).toBeUndefined();
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

  it('of a run in a turn of another client does not say that the turn was stopped', () => {
    const receipt = { processes: 0, left: 1, signal: 'none' as const, tookMs: 0, isForeign: true };
    const stopped = { reason: { kind: 'time_limit' as const, limitMs: 3_600_000 }, receipt };
    const { error, failure_kind } = judgeRun(aRun({ stopped }), PROMPT);
    expect(error).toContain('that turn goes on');
    expect(error).not.toContain('was stopped');
    expect(failure_kind).toBe('agent_timeout');
  });
});

describe('a summary', () => {
  it('is cut before a character that does not fit, of answers and of reviews', () => {
    const said = `${'a'.repeat(279)}🌊 and more`;

    expect(summarise(said, 'session.prompt')).toBe('a'.repeat(279));
    expect(summarise(`## Current state\n${said}`, 'idea.checkpoint')).toBe('a'.repeat(279));
  });

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
