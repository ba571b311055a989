/** Pages on terminals of any width. */

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { facts, said, table } from '../../../cli/output/page.ts';
import { bare, paint, type Rich, TextOutput } from '../../../cli/output/text-output.ts';

/** What a terminal of this width gets, without colors. */
function shown(page: Rich, columns: number | undefined): string {
  const device = Object.assign(new Writable(), { isTTY: columns !== undefined, columns: columns ?? 0 });
  return new TextOutput(device, { NO_COLOR: '1' }).render(page);
}

describe('a sentence that is wider than the terminal', () => {
  it('is wrapped between its words, below its first word', () => {
    const page = said('warning', ['The runner ', paint('bold', 'of this machine'), ' is not enabled.']);
    expect(shown(page, 24)).toBe('! The runner of this\n  machine is not\n  enabled.\n');
    expect(shown(page, 80)).toBe('! The runner of this machine is not enabled.\n');
    expect(shown(page, undefined)).toBe('! The runner of this machine is not enabled.\n');
  });

  it('keeps paths and commands whole, so that they can be copied', () => {
    expect(shown(said('done', 'Wrote /home/mira/a/very/long/path'), 20)).toBe(
      '✓ Wrote\n  /home/mira/a/very/long/path\n',
    );
    const command = 'orp link session register --label Main';
    expect(shown(said('next', command), 20)).toBe(`→ ${command}\n`);
  });

  it('as a fact is wrapped below its value, and counts the columns of wide characters', () => {
    expect(shown(facts([['Idea', '潮汐 測量 北岸']]), 16)).toBe('  Idea  潮汐\n        測量\n        北岸\n');
  });
});

describe('a table', () => {
  const heads = ['JOB', 'AGE', 'STATUS', 'WHAT'];
  const rows = [['job_1m8g0wg84', '5s', 'completed', 'Count all gauges of the northern coast.']].map((row) =>
    row.map((text) => ({ text })),
  );
  const lines = (columns: number) =>
    bare(table(heads, rows, columns))
      .trimEnd()
      .split('\n');

  it('has one line per row where there is room, and cuts the last column', () => {
    expect(lines(80)).toEqual([
      'JOB            AGE  STATUS     WHAT',
      'job_1m8g0wg84  5s   completed  Count all gauges of the northern coast.',
    ]);
    expect(lines(60)[1]).toBe('job_1m8g0wg84  5s   completed  Count all gauges of the nor…');
  });

  it('has several lines per row on a narrow terminal', () => {
    expect(lines(40)).toEqual([
      'JOB            AGE  STATUS',
      '  WHAT',
      'job_1m8g0wg84  5s   completed',
      '  Count all gauges of the northern coa…',
    ]);
  });

  it.each([20, 30, 40, 50, 60, 80, 120])('never exceeds %i columns', (columns) => {
    for (const line of lines(columns)) expect(line.length).toBeLessThan(columns);
  });

  it('makes a wide column in the middle narrower before it breaks the row', () => {
    const wide = [[{ text: 'main' }, { text: 'L'.repeat(60) }, { text: '0199-main' }]];
    const [, row = ''] = bare(table(['SESSION', 'LABEL', 'CODEX SESSION'], wide, 60)).split('\n');
    expect(row).toMatch(/^main {5}L+… {2}0199-main$/);
  });
});
