import { describe, expect, it } from 'vitest';
import { openTurnReader } from '../../../../cli/agents/app-server/turn-reader.ts';

const DAY_S = 24 * 3600;

/** When the limit ends, as a turn reports it that met a limit after this news about the account. */
function resetAfter(resetsAt: unknown): number | undefined {
  const reader = openTurnReader();
  const limits = { primary: { usedPercent: 100, resetsAt }, secondary: null };
  const error = { message: 'Limited.', codexErrorInfo: 'usageLimitExceeded' };
  const turn = { id: 't', items: [], status: 'failed', error };
  const news = [
    { method: 'account/rateLimits/updated', params: { rateLimits: limits } },
    { method: 'turn/completed', params: { threadId: 's', turn } },
  ];
  for (const one of news) reader.readLine(JSON.stringify(one), true);
  const { reading } = reader.turn;
  if (reading?.kind !== 'condition') throw new Error('the turn met no limit');
  return reading.until;
}

describe('when a usage limit ends, in the words of the agent server', () => {
  const nowS = Math.floor(Date.now() / 1000);

  it('is an instant of the next 31 days', () => {
    expect(resetAfter(nowS + DAY_S)).toBe((nowS + DAY_S) * 1000);
  });

  it.each([nowS - DAY_S, nowS + 32 * DAY_S, nowS * 1000, 1e300, -1e300, 'soon', null])(
    'is not known from %j',
    (resetsAt) => {
      expect(resetAfter(resetsAt)).toBeUndefined();
    },
  );
});
