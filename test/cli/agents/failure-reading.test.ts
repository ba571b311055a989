import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFailure, readResetTime } from '../../../cli/agents/failure-reading.ts';

interface Captured {
  version: string;
  text: string;
  code: string | null;
  pauseMinutes?: number;
  localTime?: LocalTime;
  beforeTheTurn?: boolean;
}

/** What real versions of Codex said to a loopback model. */
const CAPTURED: Captured[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'codex-failures.captured.json'), 'utf8'),
);

/** In the time zone of this process. */
const NOW = new Date(2026, 10, 27, 12, 3, 20).getTime();
const MINUTE = 60_000;
type LocalTime = [year: number, month: number, day: number, hour: number, minute: number];
const at = (...[year, month, day, hour, minute]: LocalTime) =>
  new Date(year, month - 1, day, hour, minute).getTime() + MINUTE;

const IN_THE_TURN = { hasEvents: true };
const BEFORE_IT = { hasEvents: false };

describe('the reason of a failure', () => {
  it.each(CAPTURED)('of Codex $version: $text', ({ text, code, beforeTheTurn, pauseMinutes, localTime }) => {
    const reading = readFailure(text, beforeTheTurn ? BEFORE_IT : IN_THE_TURN, NOW);

    expect(reading?.kind === 'condition' ? reading.code : (reading?.kind ?? null)).toBe(code);
    const until = reading?.kind === 'condition' ? reading.until : undefined;
    if (pauseMinutes !== undefined) expect(until).toBe(NOW + Math.round(pauseMinutes * MINUTE));
    else expect(until).toBe(localTime && at(...localTime));
  });

  it.each([
    "You've hit your usage limit. To get more access now, send a request to your admin or try again at 7:35 AM.",
    "You've hit your usage limit for gpt-5-codex. Switch to another model now, or try again at 7:35 AM.",
    "You're out of credits. Your workspace is out of credits. Add credits to continue using Codex.",
    'To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.',
  ])('is the limit of the account: %s', (text) => {
    expect(readFailure(text, IN_THE_TURN, NOW)).toMatchObject({ code: 'usage_limited' });
  });

  it('is the sign-in when the token cannot be refreshed', () => {
    const text =
      'Your access token could not be refreshed because your refresh token was already used. Please log out and sign in again.';

    expect(readFailure(text, IN_THE_TURN, NOW)).toMatchObject({ code: 'signed_out' });
  });

  it.each([
    'The test answered with status 401.',
    'unexpected status 500 Internal Server Error: This prompt cannot be read.',
    'The migration failed: the model User does not exist.',
    'cat: notes.txt: No such file or directory',
    'error loading config of the project under test',
    'Codex ran out of room in the model context window.',
  ])('is the own one of a job at work: %s', (text) => {
    expect(readFailure(text, IN_THE_TURN, NOW)).toBeUndefined();
  });
});

describe('the end of a limit', () => {
  it.each([
    ['try again at 7:35 AM.', at(2026, 11, 28, 7, 35)],
    ['try again at 1:05 PM.', at(2026, 11, 27, 13, 5)],
    ['try again at 12:00 AM.', at(2026, 11, 28, 0, 0)],
    ['try again at 12:03 PM.', at(2026, 11, 27, 12, 3)],
    ['resets 7pm', at(2026, 11, 27, 19, 0)],
    ['try again at 19:30', at(2026, 11, 27, 19, 30)],
    ['try again at Dec 3rd, 2026 7:35 AM.', at(2026, 12, 3, 7, 35)],
    ['try again at December 3, 7:35 AM', at(2026, 12, 3, 7, 35)],
    ['try again at 2026-11-27T23:30:00Z', Date.parse('2026-11-27T23:30:00Z')],
    ['try again in 3 hours 5 minutes.', NOW + 185 * MINUTE],
    ['try again in 3 days 4 hours 5 minutes.', NOW + (76 * 60 + 5) * MINUTE],
    ['try again in 1h20m', NOW + 80 * MINUTE],
    ['try again in 500ms', NOW + 500],
    ['try again in less than a minute.', NOW + MINUTE],
  ])('%s', (text, expected) => {
    expect(readResetTime(`You've hit your usage limit, 5 of 5 used. Upgrade or ${text}`, NOW)).toBe(expected);
  });

  it.each([
    'try again later.',
    'try again at 12:01 PM.',
    'try again at 25:99',
    'try again at Jan 5th, 2020 7:35 AM.',
    'try again at Jan 5th, 2990 7:35 AM.',
    'try again in 999999999 days',
    'at 7:35 AM the limit was hit',
  ])('is not known: %s', (text) => {
    expect(readResetTime(text, NOW)).toBeUndefined();
  });
});
