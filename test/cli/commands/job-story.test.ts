import { describe, expect, it } from 'vitest';
import { formatStory } from '../../../cli/commands/job-story.ts';
import type { JobStory } from '../../../cli/commands/job-types.ts';
import { plainText } from '../../../cli/output/plain-text.ts';
import { A_JOB } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

/** Nobody did anything about the job yet. */
const UNTOUCHED: Record<'attempts' | 'events', never[]> = { attempts: [], events: [] };

function aStory(overrides: Partial<JobStory> = {}): JobStory {
  return {
    ...A_JOB,
    status: 'completed',
    attempt: 1,
    createdBy: 'mira@example.org',
    updatedAt: '2026-04-01T10:05:00.000Z',
    prompt: 'Build it.\nThen test it.',
    ...UNTOUCHED,
    ...overrides,
  };
}

describe('the story of a job', () => {
  it('says that a usage limit ends it, and says nothing of the default', () => {
    expect(formatStory(aStory({ onUsageLimit: 'fail' }))).toContain('fails at a usage limit');
    expect(formatStory(aStory())).not.toContain('usage limit');
  });

  it('is told in the order in which it happened, attempt by attempt', () => {
    const story = formatStory(
      aStory({
        status: 'cancelled',
        attempts: [
          {
            attempt: 2,
            machineId: 'mach-1',
            claimedAt: '2026-04-01T10:03:00.000Z',
            startedAt: '2026-04-01T10:03:01.000Z',
            orpSessionId: 'main',
            sessionSource: 'primary_session_fallback',
            fallbackReason: 'missing_target_session',
          },
          {
            attempt: 1,
            machineId: 'mach-1',
            claimedAt: '2026-04-01T10:01:00.000Z',
            finishedAt: '2026-04-01T10:02:00.000Z',
            outcome: 'failed',
            failureKind: 'agent_error',
            error: 'No disk.',
          },
        ],
        cancel: {
          at: '2026-04-01T10:04:00.000Z',
          by: 'mira@example.org',
          reason: 'wrong repo',
          confirmedAt: '2026-04-01T10:04:02.000Z',
          receipt: { processes: 2, signal: 'SIGTERM', tookMs: 1500, at: '2026-04-01T10:04:02Z' },
        },
      }),
    );
    const times = [...story.matchAll(/^ {2}(\S+ \S+) {2}(.*)$/gm)].map(([, at, text]) => [at, text]);

    expect(times.map(([at]) => at)).toEqual(times.map(([at]) => at).toSorted());
    expect(times.map(([, text]) => text)).toEqual([
      'queued by mira@example.org',
      'attempt 1: claimed by mach-1',
      'attempt 1: failed (agent_error): No disk.',
      'attempt 2: claimed by mach-1',
      'attempt 2: started in session main (primary_session_fallback, missing_target_session)',
      'cancelled by mira@example.org: wrong repo',
      'the runner confirmed that the agent has ended (2 ended by SIGTERM after 1500 ms)',
    ]);
  });

  it('is told to a pipe with the cancel and every attempt', async () => {
    const job = aStory({
      status: 'cancelled',
      attempts: [
        { attempt: 1, machineId: 'mach-1', outcome: 'cancelled', failureKind: 'agent_error', error: 'No.' },
      ],
      cancel: {
        at: '2026-04-01T10:04:00.000Z',
        by: 'mira@example.org',
        reason: 'wrong repo',
        confirmedAt: '2026-04-01T10:04:02.000Z',
        receipt: { processes: 2, signal: 'SIGTERM', tookMs: 1500, at: '2026-04-01T10:04:02Z' },
      },
    });
    await using server = await RecordingServer.startNewest(() => ({
      body: { ok: true, job },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { stdout, error } = await desk.orp(['job', 'show', 'job_1']);
    expect(error).toBeUndefined();
    expect(stdout).toContain(
      `cancel.at=2026-04-01T10:04:00.000Z
cancel.by=mira@example.org
cancel.reason=wrong repo
cancel.confirmed_at=2026-04-01T10:04:02.000Z
cancel.receipt.processes=2
cancel.receipt.signal=SIGTERM
cancel.receipt.took_ms=1500
cancel.receipt.at=2026-04-01T10:04:02Z
`,
    );
    expect(stdout).toContain('---\nattempt=1\nattempt.outcome=cancelled\nattempt.machine_id=mach-1\n');
    expect(stdout).toContain('attempt.failure_kind=agent_error\n');
  });

  it('says why it waits, and shows prompt and answer as blocks', () => {
    const waiting = {
      code: 'next_poll' as const,
      message: 'workbench takes it next.',
      since: '2026-04-01T10:00:00Z',
    };
    const story = formatStory(aStory({ status: 'queued', waiting, content: 'Done.' }));

    expect(story).toContain('now                  workbench takes it next.');
    expect(story).toContain('Prompt:\n  Build it.\n  Then test it.');
    expect(story).toContain('Answer:\n  Done.');
  });

  it('cannot be forged by its contents', () => {
    const story = formatStory(
      aStory({ createdBy: 'x\n  2026-04-01 11:00:00  cancelled', content: '\u001b[2Jgone' }),
    );

    expect(story).not.toMatch(/^ {2}2026-04-01 11:00:00/m);
    expect(story).toContain('  gone');
  });
});

describe('text of others', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['a\u0000b\u0008c\u009bd', 'abcd'],
    ['10%\r20%\r\ndone', '10%\n20%\ndone'],
    ['keeps\ttabs\nand lines', 'keeps\ttabs\nand lines'],
    ['\u202eevil', 'evil'],
  ])('cannot steer the terminal: %j', (text, plain) => {
    expect(plainText(text)).toBe(plain);
  });
});
