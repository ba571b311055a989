/** Every number that a person, a file or the server gives has a range, and nothing overflows a timer. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { pause, timerMs } from '../../../cli/base/pause.ts';
import { readRetryAfter } from '../../../cli/client/server-error.ts';
import { Listener } from '../../../cli/runner/channel/listener.ts';
import { chunkRecord, journalRecord, parseLines, readSeq } from '../../../cli/runner/spool/records.ts';
import { Desk } from '../desk.ts';

const COMMANDS = join(import.meta.dirname, '../../../cli/commands');

/** Command, option, its range, and whether v0.4.4 takes what is below the range for the smallest. */
const OPTIONS: [string, string, number, number, 'raised' | 'refused'][] = [
  ['runner work', '--poll-interval', 1, 86_400, 'raised'],
  ['runner work', '--heartbeat-interval', 1, 90, 'raised'],
  ['runner work', '--silence-limit', 0, 86_400, 'refused'],
  ['runner work', '--max-jobs', 1, 64, 'refused'],
  ['runner work', '--takeover', 1, 86_400, 'raised'],
  ['agent work', '--poll-interval', 1, 86_400, 'raised'],
  ['runner restart', '--wait', 0, 86_400, 'refused'],
  ['runner logs', '--lines', 0, 1_000_000, 'refused'],
  ['job submit', '--priority', -100, 100, 'refused'],
  ['job submit', '--max-attempts', 1, 20, 'refused'],
  ['job submit', '--timeout-seconds', 1, 86_400, 'refused'],
  ['job list', '--limit', 1, 200, 'refused'],
  ['job wait job_1', '--timeout', 1, 604_800, 'raised'],
  ['ideas list', '--limit', 0, 500, 'raised'],
];

describe('an option that takes a whole number', () => {
  it.each(OPTIONS)('%s %s has a range, in its error and in its help', async (...row) => {
    const [command, option, min, max, low] = row;
    using desk = new Desk();
    const asked = (value: string) => desk.orp([...command.split(' '), `${option}=${value}`]);
    const wrong = [
      '',
      'many',
      '1.5',
      '1e3',
      '0x10',
      'NaN',
      'Infinity',
      String(max + 1),
      '31536000000',
      '9'.repeat(30),
    ];
    if (low === 'refused') wrong.push(String(min - 1), '-999');
    for (const value of wrong) {
      const { code, error } = await asked(value);
      expect({ value, code, error: error?.code }).toEqual({ value, code: 2, error: 'usage' });
      expect(error?.message).toContain(`must be a whole number from ${min} to ${max}`);
    }
    const right = low === 'raised' ? [min, max, min - 1] : [min, max];
    for (const value of right) {
      const { error } = await asked(String(value));
      expect(error?.message ?? '').not.toContain('whole number');
    }
    const { stdout } = await desk.orp([...command.split(' ').slice(0, 2), '--help']);
    const help = stdout.replaceAll(/\s+/g, ' ');
    expect(help).toMatch(new RegExp(`${option} [^-]*\\(${min} to ${max}`));
  });

  it('is read in one place only', () => {
    const own = readdirSync(COMMANDS).filter((name) =>
      /InvalidArgumentError|Number\.parse|parseInt/.test(readFileSync(join(COMMANDS, name), 'utf8')),
    );
    // The role of a session is a word.
    expect(own).toEqual(['link-session.ts']);
  });
});

describe('a time that is given from now on', () => {
  it.each(['--not-before', '--expires-at'])('%s has a range, too', async (option) => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    desk.linkTo('ide_1');
    for (const value of ['999999d', '91d', '9999-12-31T23:59:59Z', '2161h']) {
      const { code, error } = await desk.orp(['job', 'submit', 'Count.', option, value]);
      expect({ value, code }).toEqual({ value, code: 2 });
      expect(error?.message).toContain('too far ahead');
      expect(error?.hint).toContain('90 days');
    }
  });
});

describe('a timer', () => {
  it.each([
    [-1, 0],
    [Number.NEGATIVE_INFINITY, 0],
    [250, 250],
    [31_536_000_000, 2 ** 31 - 1],
    [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
  ])('of %d ms lasts %d ms', (asked, ms) => expect(timerMs(asked)).toBe(ms));

  it('that is longer than the platform can hold does not fire at once', async () => {
    vi.useFakeTimers();
    try {
      let isOver = false;
      void pause(31_536_000_000).then(() => {
        isOver = true;
      });
      await vi.advanceTimersByTimeAsync(86_400_000);
      expect(isOver).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('between two looks does not fire at once, however long the pause is', async () => {
    vi.useFakeTimers();
    const listener = new Listener({
      choice: 'poll',
      pollIntervalMs: 31_536_000_000,
      target: { baseUrl: 'http://127.0.0.1:1', headers: {}, machineId: 'm', instance: 'i' } as never,
      onControl: () => undefined,
      onChange: () => undefined,
      onEnd: () => undefined,
    });
    try {
      const { signal } = new AbortController();
      expect(await listener.nextPoll(signal)).toBe('start');
      let looks = 0;
      void listener.nextPoll(signal).then(() => {
        looks += 1;
      });
      await vi.advanceTimersByTimeAsync(86_400_000);
      expect(looks).toBe(0);
    } finally {
      listener.close();
      vi.useRealTimers();
    }
  });
});

describe('what the server says about time', () => {
  const NOW = Date.parse('2026-04-01T10:00:00Z');

  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Wed, 01 Apr 2026 10:02:00 GMT', 120_000],
    ['Wed, 01 Apr 2026 09:00:00 GMT', 0],
    ['1e308', undefined],
    ['-5', undefined],
    ['Infinity', undefined],
    ['soon', undefined],
    ['9'.repeat(400), 86_400_000],
    ['31536000', 86_400_000],
    [null, undefined],
  ])('Retry-After: %s is at most a day', (text, ms) => expect(readRetryAfter(text, NOW)).toBe(ms));
});

describe('a number in the spool', () => {
  const claimed = {
    record: 'claimed',
    version: 1,
    at_utc: 'x',
    base_url: 'x',
    machine_id: 'm',
    job_id: 'j',
    job_kind: 'k',
    attempt: 1,
  };

  it.each([0, 1, -1, 2 ** 31, 1.5])('names no process to stop when it is %d', (pid) => {
    const line = JSON.stringify({ record: 'spawned', at_utc: 'x', pid, start_time: 'x' });
    expect(parseLines(line, journalRecord)).toEqual([]);
  });

  it.each([0, -1, 2 ** 31, 1.5])('names no runner when it is %d', (pid) => {
    const line = JSON.stringify({ ...claimed, runner: { pid, start_time: 'x' } });
    expect(parseLines(line, journalRecord)).toEqual([]);
  });

  it.each([0, -1, 1e13, Number.MAX_SAFE_INTEGER, 1.5])('counts no chunk when it is %d', (seq) => {
    const line = JSON.stringify({ seq, at: 'x', stream: 'stdout', level: 'info', text: '' });
    expect(parseLines(line, chunkRecord)).toEqual([]);
  });

  it.each([-1, 1e13, 1.5, '7', null, Number.NaN])('is not taken from the server when it is %j', (value) => {
    expect(readSeq(value)).toBeUndefined();
  });
});
