/** What a usage limit of the agent's account does to a job, and what the server is asked to do with it. */

import { describe, expect, it } from 'vitest';
import { readPollAnswer } from '../../../../cli/runner/job/claimed-job.ts';
import { judgeRun, releaseOf, reportOf } from '../../../../cli/runner/job/result.ts';
import type { WorkContext } from '../../../../cli/runner/job/work-context.ts';
import { recordOfClaim } from '../../../../cli/runner/lease/lease-record.ts';
import { journalRecord, resultRecord, type UsageTerms } from '../../../../cli/runner/spool/records.ts';
import { MAX_RETRY_AFTER_MS } from '../../../../spec/job/release.ts';

const HOUR = 3_600_000;
const NOW = new Date('2026-04-01T10:00:00Z');
const RESET = NOW.getTime() + 3 * HOUR;
const NAMED = 'The usage limit resets at 2026-04-01 13:00 UTC.';
const WAITS: UsageTerms = { policy: 'wait', waits: 0, expires_at: NOW.getTime() + 24 * HOUR };

function judge(
  usage: UsageTerms | undefined,
  { until = RESET as number | 'unknown', hasEffect = false } = {},
) {
  return judgeRun(
    {
      kind: 'ended',
      end: { exitCode: 1, signal: null },
      answer: undefined,
      turn: { sessionId: 's', state: 'failed', hasEvents: true, hasEffect },
      failure: 'You have hit your usage limit.',
      reading: { kind: 'condition', code: 'usage_limited', until: until === 'unknown' ? undefined : until },
      stdout: '',
      stderr: '',
    },
    { now: NOW, kind: 'session.prompt', agent: 'Codex', usage },
  );
}

describe('a job whose turn meets a usage limit', () => {
  it('waits until the reset when its turn has not begun to act', () => {
    const result = judge(WAITS);
    expect(result.release).toMatchObject({ reason: 'usage_limited', retry_after_ms: 3 * HOUR });
    expect(resultRecord.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
    // A server that does not take it back gets the failure.
    expect(reportOf(result)).toMatchObject({ success: false, failureKind: 'usage_limited' });
    expect(result.error).toContain(NAMED);
  });

  it.each([
    ['its sender does not wait', { usage: { ...WAITS, policy: 'fail' as const }, words: NAMED }],
    [
      'it has waited before',
      { usage: { ...WAITS, waits: 1 }, words: `${NAMED} The job has waited for a usage limit before.` },
    ],
    [
      'it expires before the reset',
      {
        usage: { ...WAITS, expires_at: RESET },
        words: `${NAMED} The job expires before that, at 2026-04-01 13:00 UTC.`,
      },
    ],
    ['its turn has begun to act', { usage: WAITS, hasEffect: true, words: NAMED }],
  ])('fails and names the reset when %s', (_, { usage, words, ...run }) => {
    const result = judge(usage, run);
    expect(result).toMatchObject({ outcome: 'failed', failure_kind: 'usage_limited' });
    expect(result.release).toBeUndefined();
    expect(result.error).toBe(`You have hit your usage limit. (Codex ended with exit code 1) ${words}`);
  });

  it.each([
    ['the reset is not known', WAITS, { until: 'unknown' as const }],
    ['the server has no terms for it', undefined, {}],
  ])('returns to the queue without a time when %s', (_, usage, run) => {
    expect(judge(usage, run).release).toEqual({
      reason: 'usage_limited',
      message: 'You have hit your usage limit. (Codex ended with exit code 1)',
    });
  });

  it('fails at its second limit also when that names no reset', () => {
    const result = judge({ ...WAITS, waits: 1 }, { until: 'unknown' as const });
    expect(result.release).toBeUndefined();
    expect(result).toMatchObject({ outcome: 'failed', failure_kind: 'usage_limited' });
  });

  it('waits no longer than a server accepts', () => {
    const usage = { ...WAITS, expires_at: NOW.getTime() + 90 * 24 * HOUR };
    const until = NOW.getTime() + 40 * 24 * HOUR;
    expect(judge(usage, { until }).release?.retry_after_ms).toBe(MAX_RETRY_AFTER_MS);
  });
});

describe('the release of such a job', () => {
  const release = { reason: 'usage_limited' as const, message: 'M', retry_after_ms: 3 * HOUR };
  const sentAt = (ms: number) =>
    releaseOf({ finished_at_utc: NOW.toISOString() }, release, NOW.getTime() + ms).retryAfterMs;

  it('requests the rest of the pause, however late it is delivered', () => {
    expect([sentAt(0), sentAt(HOUR), sentAt(5 * HOUR)]).toEqual([3 * HOUR, 2 * HOUR, 0]);
  });

  it('does not wait longer because the clock was set back', () => {
    expect(sentAt(-HOUR)).toBe(3 * HOUR);
  });
});

describe('the terms in a claim', () => {
  it('are in the journal of its lease, for the runner that follows the turn after a crash', () => {
    const self = { pid: 77, startTime: 'now' };
    const runner = { machine: { machine_id: 'mach-1' }, service: { baseUrl: 'http://127.0.0.1' }, self };
    const job = { id: 'job_1', kind: 'session.prompt', attempt: 1, prompt: 'P', usage: WAITS };
    const record = recordOfClaim(runner as WorkContext, { job, raw: {} }, undefined);
    expect(journalRecord.parse(JSON.parse(JSON.stringify(record)))).toMatchObject({ usage: WAITS });
  });

  const termsOf = (extra: object) => {
    const answer = readPollAnswer({ job: { id: 'job_1', kind: 'session.prompt', payload: {}, ...extra } });
    return answer.kind === 'job' ? answer.job.usage : undefined;
  };
  const expiresAt = '2026-04-02T10:00:00.000Z';

  it('are read', () => {
    const expires_at = Date.parse(expiresAt);
    expect(termsOf({ onUsageLimit: 'wait', expiresAt })).toEqual({ policy: 'wait', waits: 0, expires_at });
    expect(termsOf({ onUsageLimit: 'fail', expiresAt, usageWaits: 2 })).toMatchObject({
      policy: 'fail',
      waits: 2,
    });
  });

  it.each([{}, { onUsageLimit: 'perhaps', expiresAt }, { onUsageLimit: 'wait', expiresAt: 'soon' }])(
    'are absent in %j',
    (extra) => {
      expect(termsOf(extra)).toBeUndefined();
    },
  );
});
