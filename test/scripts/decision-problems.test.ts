import { describe, expect, it } from 'vitest';
import { decisionProblems } from '../../scripts/local/decision-problems.ts';

const sound: [string, string][] = [
  ['0001-one-table.md', '# 0001 One table\n'],
  ['0002-folders-are-0700.md', '# 0002 Folders\n\nStatus: accepted; changes 0001\n\nFolders are 0700.\n'],
];

function problemsWith(...more: [string, string][]): string[] {
  return decisionProblems(new Map([...sound, ...more]));
}

describe('the decision records', () => {
  it('are sound when each has a number of its own', () => {
    expect(problemsWith()).toEqual([]);
  });

  it.each<[string, [string, string], string]>([
    [
      'share a number',
      ['0002-two-tables.md', '# 0002 Two tables\n'],
      '0002-two-tables.md has the number of 0002-folders-are-0700.md; give it the next free one.',
    ],
    [
      'keep an old number in the title',
      ['0003-two-tables.md', '# 0002 Two tables\n'],
      'The title of 0003-two-tables.md must begin with # 0003.',
    ],
    [
      'name a record that does not exist',
      ['0003-two-tables.md', '# 0003 Two tables\n\nStatus: replaces 0009\n'],
      'The status of 0003-two-tables.md names 0009, which no record has.',
    ],
    ['have no number', ['tables.md', '# Tables\n'], 'tables.md must be named like 0042-what-was-decided.md.'],
  ])('are reported when they %s', (_, record, problem) => {
    expect(problemsWith(record)).toEqual([problem]);
  });
});
