import { describe, expect, it } from 'vitest';
import { cutFailure, FailureText } from '../../../cli/agents/failure-text.ts';
import { redactText } from '../../../cli/runner/redaction/redact.ts';

function bestOf(stderr: string, events: [string, boolean][] = []): string | undefined {
  const failure = new FailureText();
  for (const [message, isFinal] of events) failure.addEvent(message, isFinal);
  for (const line of stderr.split('\n')) failure.addStderrLine(line);
  return failure.best();
}

describe('the reason of a failure', () => {
  it('is the final word of the agent, whatever stderr says', () => {
    expect(
      bestOf('Error: noise', [
        ['Reconnecting', false],
        ['The model refused.', true],
      ]),
    ).toBe('The model refused.');
  });

  it('is the error line, without the banner before it and the stack trace after it', () => {
    const stderr =
      'WARNING: proceeding\nError: no rollout found\n\nStack backtrace:\n   0: <unknown>\n   1: <unknown>';

    expect(bestOf(stderr)).toBe('Error: no rollout found');
  });

  it('is the last plain line where nothing looks like an error', () => {
    expect(bestOf('Codex v1\n--------\nsession not found\nwarning: slow disk')).toBe('session not found');
  });

  it('prefers the last remark of the agent to a plain line', () => {
    expect(
      bestOf('Codex v1', [
        ['Reconnecting 1', false],
        ['Reconnecting 2', false],
      ]),
    ).toBe('Reconnecting 2');
  });

  it('is absent when nothing was said', () => {
    expect(bestOf('\n   \n')).toBeUndefined();
  });

  it('is short, however long the line', () => {
    expect(cutFailure(bestOf(`error: ${'x'.repeat(100_000)}`) ?? '').length).toBeLessThan(2100);
  });

  it('is not cut in the middle of a secret', () => {
    const secret = 'hunter2hunter2';
    const text = bestOf(`error: ${'x'.repeat(1986)}${secret}`) ?? '';

    expect(cutFailure(redactText(text, [secret]))).not.toContain('hunter');
  });
});
