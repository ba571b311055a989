import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunLimits } from '../../../../cli/runner/agent-run/run-limits.ts';
import type { StopReason } from '../../../../cli/runner/process/stop-switch.ts';

const MINUTE = 60_000;

/** How long the machine slept in all. */
let asleepMs: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  asleepMs = 0;
  const awakeNow = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => awakeNow() + asleepMs);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function limited(limits: { limitMs: number; silenceMs: number }) {
  const asked: StopReason[] = [];
  const run = new RunLimits(limits, (reason) => asked.push(reason));
  return { asked, run };
}

/** Sleeps as macOS does: the clock goes on, and what came due meanwhile fires once the machine is awake. */
function sleep(ms: number): void {
  asleepMs += ms;
  vi.advanceTimersToNextTimer();
}

describe('the limits of a run', () => {
  it('stop an agent that was awake for too long, at the minute', () => {
    const { asked } = limited({ limitMs: 60 * MINUTE, silenceMs: 0 });
    vi.advanceTimersByTime(60 * MINUTE - 1);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(asked).toEqual([{ kind: 'time_limit', limitMs: 60 * MINUTE }]);
  });

  it('stop an agent that is silent, but not one that prints', () => {
    const { asked, run } = limited({ limitMs: 600 * MINUTE, silenceMs: 30 * MINUTE });
    for (let minute = 0; minute < 40; minute += 1) {
      vi.advanceTimersByTime(MINUTE);
      run.heard();
    }
    vi.advanceTimersByTime(30 * MINUTE - 1);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(5_000);
    expect(asked).toEqual([{ kind: 'silence', limitMs: 30 * MINUTE }]);
  });

  it('do not count the time in which the machine sleeps', () => {
    const { asked, run } = limited({ limitMs: 60 * MINUTE, silenceMs: 30 * MINUTE });
    vi.advanceTimersByTime(10 * MINUTE);
    sleep(8 * 60 * MINUTE);
    expect(asked).toEqual([]);
    run.heard();
    vi.advanceTimersByTime(25 * MINUTE);
    run.heard();
    vi.advanceTimersByTime(24 * MINUTE);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(MINUTE);
    expect(asked).toEqual([{ kind: 'time_limit', limitMs: 60 * MINUTE }]);
    run.dispose();
    vi.advanceTimersByTime(600 * MINUTE);
    expect(asked).toHaveLength(1);
  });
});
