import { describe, expect, it } from 'vitest';
import { ClaimPause, describePause } from '../../../../cli/runner/job/claim-pause.ts';

const MINUTE = 60_000;
const T0 = new Date(2026, 10, 27, 12, 0).getTime();

function pauseAt(start = T0) {
  const clock = { now: start };
  return { clock, pause: new ClaimPause({ now: () => clock.now }) };
}

const WORDS = { code: 'usage_limited', message: 'The limit is reached.' } as const;

describe('the pause of a runner whose agent takes no work', () => {
  it('lasts until the time that the agent named', () => {
    const { pause, clock } = pauseAt();
    pause.meet({ ...WORDS, until: T0 + 90 * MINUTE });

    expect(pause.current).toMatchObject({ code: 'usage_limited', until: T0 + 90 * MINUTE });
    expect(pause.current && describePause(pause.current)).toBe(
      "The agent's account has reached its usage limit. The limit is reached. Claiming again at 2026-11-27 13:30.",
    );
    clock.now = T0 + 90 * MINUTE;
    expect(pause.current).toBeUndefined();
    expect(pause.isTrying).toBe(true);
  });

  it('grows from one minute to thirty where no time is named', () => {
    const { pause, clock } = pauseAt();
    const minutes = [0, 1, 2, 3, 4, 5, 6].map(() => {
      pause.meet({ code: 'overloaded', message: '' });
      const until = pause.current?.until ?? 0;
      const lasts = (until - clock.now) / MINUTE;
      clock.now = until;
      return lasts;
    });

    expect(minutes).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  it('grows although the agent names a moment from now each time', () => {
    const { pause } = pauseAt();
    pause.meet({ code: 'overloaded', message: '', until: T0 + 11_000 });
    expect(pause.current?.until).toBe(T0 + 11_000);
    pause.meet({ code: 'overloaded', message: '', until: T0 + 11_000 });
    expect(pause.current?.until).toBe(T0 + 2 * MINUTE);
  });

  it('is over, and forgotten, when a job shows that the agent works', () => {
    const { pause, clock } = pauseAt();
    pause.meet(WORDS);
    clock.now += MINUTE;
    pause.worked(pause.begin());

    expect(pause.isTrying).toBe(false);
    pause.meet(WORDS);
    expect(pause.current?.until).toBe(clock.now + MINUTE);
  });

  it('is not over for a job that began before it', () => {
    const { pause } = pauseAt();
    const begun = pause.begin();
    pause.meet(WORDS);
    pause.worked(begun);

    expect(pause.current).toBeDefined();
  });

  it('lasts as long as the program is missing', () => {
    const { pause } = pauseAt();
    pause.lack('Codex was not found.');
    expect(pause.current).toMatchObject({ code: 'agent_unavailable', message: 'Codex was not found.' });
    pause.lack(undefined);
    expect(pause.current).toBeUndefined();
    expect(pause.isTrying).toBe(false);
  });
});
