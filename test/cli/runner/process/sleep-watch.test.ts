import { describe, expect, it } from 'vitest';
import { describeJump, SleepWatch, TICK_MS } from '../../../../cli/runner/process/sleep-watch.ts';
import { T0 } from '../../../support/clock.ts';

const HOUR = 60 * 60_000;

function watched() {
  const clocks = { wall: T0, steady: 500 };
  const jumps: number[] = [];
  const watch = new SleepWatch({
    onJump: (goneMs) => jumps.push(goneMs),
    clocks: { wallNow: () => clocks.wall, steadyNow: () => clocks.steady },
  });
  return {
    jumps,
    /** A tick after so much time on either clock. */
    tick(wallMs: number, steadyMs: number) {
      clocks.wall += wallMs;
      clocks.steady += steadyMs;
      watch.tick();
    },
  };
}

describe('the detection of sleep', () => {
  it('reports nothing while time passes normally, or if a busy machine is late', () => {
    const { jumps, tick } = watched();
    tick(TICK_MS, TICK_MS);
    tick(TICK_MS + 3000, TICK_MS + 3000);
    tick(TICK_MS + 900, TICK_MS - 40);
    expect(jumps).toEqual([]);
  });

  it.each([
    ['a steady clock that stood still meanwhile', 8 * HOUR + TICK_MS, TICK_MS],
    ['a steady clock that went on', 8 * HOUR + TICK_MS, 8 * HOUR + TICK_MS],
    ['a wall clock that was set back at the same time', TICK_MS, 8 * HOUR + TICK_MS],
  ])('notices eight hours of sleep with %s, once', (_, wallMs, steadyMs) => {
    const { jumps, tick } = watched();
    tick(TICK_MS, TICK_MS);
    tick(wallMs, steadyMs);
    tick(TICK_MS, TICK_MS);
    expect(jumps).toEqual([8 * HOUR]);
  });

  it('notices a clock that was set back', () => {
    const { jumps, tick } = watched();
    tick(TICK_MS - HOUR, TICK_MS);
    expect(jumps).toEqual([-HOUR]);
  });

  it('tells people in their units', () => {
    expect(describeJump(8 * HOUR)).toContain('This process did not run for 8 h');
    expect(describeJump(45_000)).toContain('for 45 s');
    expect(describeJump(-HOUR)).toContain('set back by 60 min');
  });
});
