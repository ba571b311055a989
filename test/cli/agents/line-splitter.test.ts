import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../cli/agents/line-splitter.ts';

function split(chunks: Uint8Array[], limit?: number) {
  const splitter = new LineSplitter(limit);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\r\n]/g, '')));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 7 })), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const chunks: Buffer[] = [];
        for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
          const size = sizes[turn % Math.max(1, sizes.length)] ?? 3;
          chunks.push(bytes.subarray(from, from + size));
          from += size;
        }

        expect(split(chunks).map((line) => line.text)).toEqual(lines);
      }),
    );
  });

  it('replaces invalid UTF-8 and keeps the rest', () => {
    const [line] = split([Buffer.from([0x41, 0xff, 0xfe, 0x42, 0x0a])]);

    expect(line?.text).toBe('A\uFFFD\uFFFDB');
  });

  it('takes CRLF, and a last line without an end', () => {
    expect(split([Buffer.from('a\r\nb')])).toEqual([
      { text: 'a', whole: true },
      { text: 'b', whole: true },
    ]);
  });

  it('gives an endless line in pieces, and says that none of them is whole', () => {
    const lines = split([Buffer.from('x'.repeat(10)), Buffer.from('yyy\nok\n')], 8);

    expect(lines).toEqual([
      { text: 'x'.repeat(10), whole: false },
      { text: 'yyy', whole: false },
      { text: 'ok', whole: true },
    ]);
  });
});
