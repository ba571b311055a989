import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip, cut, cutStart, cutToBytes } from '../../spec/text.ts';

const FAMILY = '👩‍👩‍👧‍👦';
const FLAG = '🇩🇪';
const ACCENTED = 'e\u0301';

/** Any text, also of pairs, marks and joined pictures. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', ' ', FAMILY, FLAG, ACCENTED, '🌊', '潮', '\r\n'),
      fc.string({ unit: 'binary' }),
    ),
    {
      maxLength: 40,
    },
  )
  .map((parts) => parts.join(''));

describe('a text that is cut', () => {
  it.each([
    [`ab${FAMILY}c`, 4, 'ab'],
    [`ab${FLAG}c`, 4, 'ab'],
    [`ab${ACCENTED}`, 3, 'ab'],
    ['ab🌊', 3, 'ab'],
    ['ab🌊', 4, 'ab🌊'],
    ['abc', 2, 'ab'],
    [FAMILY, 3, ''],
  ])('%j ends before the character that does not fit into %i', (given, max, kept) => {
    expect(cut(given, max)).toBe(kept);
  });

  it('marks the cut within its bound', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip(`abc${FLAG}`, 5)).toBe('abc…');
    expect(clip('abcd', 4)).toBe('abcd');
  });

  it('keeps its end as well', () => {
    expect(cutStart(`${FLAG}abc`, 5)).toBe('abc');
    expect(cutStart(`${FLAG}abc`, 7)).toBe(`${FLAG}abc`);
  });

  it('keeps so many bytes', () => {
    expect(cutToBytes('潮潮', 5)).toBe('潮');
    expect(cutToBytes('潮潮', 6)).toBe('潮潮');
    expect(cutToBytes(`a${FAMILY}`, 10)).toBe('a');
  });

  it('is within its bound, a part of the text, and never ends inside a character', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 60 }), (given, max) => {
        for (const kept of [cut(given, max), cutStart(given, max), clip(given, max)]) {
          expect(kept.length).toBeLessThanOrEqual(max);
          expect(kept.isWellFormed()).toBe(true);
        }
        expect(given.startsWith(cut(given, max))).toBe(true);
        expect(given.endsWith(cutStart(given, max))).toBe(true);
        const bytes = cutToBytes(given, max);
        expect(new TextEncoder().encode(bytes).length).toBeLessThanOrEqual(max);
        expect(given.startsWith(bytes) && bytes.isWellFormed()).toBe(true);
      }),
    );
  });

  it('is cut between the marks of a character that never ends', () => {
    expect(cut(`a${'\u0301'.repeat(5000)}`, 1000)).toHaveLength(1000);
  });
});
