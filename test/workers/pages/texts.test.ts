/** What the pages make of texts, terminal output and times. */

import { describe, expect, it } from 'vitest';
import { lastWritten, spansOf } from '../../../workers/pages/design/ansi.ts';
import { shown, shownLine } from '../../../workers/pages/design/shown.ts';
import { relativeWords } from '../../../workers/pages/design/words.ts';

const ESC = '\u001b';

describe('text', () => {
  it.each([
    ['a\tb\nc', 'a\tb\nc'],
    ['a\r\nb\u2028c', 'a\nb\nc'],
    ['\0\u0007\u007f', '␀␇␡'],
    ['\u009b', '⟨U+009B⟩'],
    ['abc\u202edef\u2066', 'abc⟨U+202E⟩def⟨U+2066⟩'],
    ['zero\u200bwidth\ufeff', 'zero⟨U+200B⟩width⟨U+FEFF⟩'],
    ['family 👩‍👩‍👧 ne\u0301e', 'family 👩‍👩‍👧 ne\u0301e'],
    ['lone \ud800', 'lone \ufffd'],
    [`a${'\u0301'.repeat(50)}b`, `a${'\u0301'.repeat(6)}b`],
  ])('%j is shown as %j', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it('in one line has its white space joined and its end cut', () => {
    expect(shownLine('  a\n\n b\t')).toBe('a b');
    expect(shownLine('x'.repeat(500), 10)).toBe(`${'x'.repeat(9)}…`);
  });
});

describe('terminal output', () => {
  it('keeps its colors as classes', () => {
    expect(spansOf(`${ESC}[1;31mred${ESC}[22m thin${ESC}[0m plain`)).toEqual([
      { text: 'red', classes: 't-bold t-c1' },
      { text: ' thin', classes: 't-c1' },
      { text: ' plain', classes: '' },
    ]);
  });

  it.each([
    ['38;5;196', 't-c9'],
    ['38;5;46', 't-c10'],
    ['38;2;40;90;250', 't-c12'],
    ['48;5;226;97', 't-c15 t-b11'],
    ['38;5;244', 't-c7'],
  ])('shows %s as the nearest of sixteen colors', (codes, classes) => {
    expect(spansOf(`${ESC}[${codes}mx`)).toEqual([{ text: 'x', classes }]);
  });

  it('loses every other sequence', () => {
    const text = `${ESC}[2J${ESC}[10;10Ha${ESC}]0;title\u0007b${ESC}]8;;http://x${ESC}\\link${ESC}]8;;${ESC}\\${ESC}(Bc`;
    expect(
      spansOf(text)
        .map((span) => span.text)
        .join(''),
    ).toBe('ablinkc');
  });

  it('of a progress bar shows what it ended with', () => {
    expect(lastWritten('10%\r50%\r100%\ndone\n')).toBe('100%\ndone\n');
    expect(lastWritten('half\r')).toBe('half');
  });
});

describe('a time', () => {
  const now = Date.UTC(2026, 10, 27, 12);
  it.each([
    [0, 'just now'],
    [-12_000, '12 s ago'],
    [-3 * 60_000, '3 min ago'],
    [2 * 3_600_000 + 1, 'in 2 h'],
    [-6 * 86_400_000, '6 d ago'],
    [-8 * 86_400_000, '19 Nov 2026'],
  ])('%i ms away is %j', (distance, words) => {
    expect(relativeWords(now + distance, now)).toBe(words);
  });
});
