/** Finds text inside base64, hex and lists of bytes. */

import type { Stretch } from './view.ts';

/** Shorter runs cannot contain a token. A run may be wrapped, as `base64`, `openssl` and mail programs do. */
const BASE64_RUN =
  /(?<![A-Za-z0-9+/_-])(?:(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{0,76}|[A-Za-z0-9+/_-]{24,})/g;
const HEX_RUN = /(?<![0-9a-fA-F])(?:(?:[0-9a-fA-F]{60}\r?\n)+[0-9a-fA-F]{0,60}|[0-9a-fA-F]{36,})/g;
/**
 * Random bytes almost never look like this, because only 38 % of them are characters. UTF-16 has a zero after each character.
 */
const READABLE = /(?:[\t\n\r\x20-\x7e]\0?){12,}/g;

/** A piece of text that was found inside an encoded run. */
export interface DecodedPiece {
  text: string;
  /** Returns the raw characters that encode a part of the piece, rounded up to complete characters at both ends. */
  toRaw(stretch: Stretch): Stretch;
}

/** Lists of single bytes, as Node prints a buffer and as JSON stores it. */
const BYTE_LISTS = [
  {
    list: /(?:(?:0x)?[0-9a-fA-F]{2}(?:, ?|[ :-])){17,}(?:0x)?[0-9a-fA-F]{2}/g,
    byte: /(?:0x)?([0-9a-fA-F]{2})/g,
    radix: 16,
  },
  { list: /(?:[0-9]{1,3}(?:, ?| )){17,}[0-9]{1,3}/g, byte: /([0-9]{1,3})/g, radix: 10 },
];

/**
 * Returns readable text that base64, hex and lists of bytes in `text` encode. Tries every alignment, because a run may have a
 * prefix.
 */
export function* decodedPieces(text: string): Generator<DecodedPiece> {
  for (const { 0: run, index } of text.matchAll(BASE64_RUN)) yield* piecesOf(run, index, 'base64');
  for (const { 0: run, index } of text.matchAll(HEX_RUN)) yield* piecesOf(run, index, 'hex');
  for (const { list, byte, radix } of BYTE_LISTS) {
    for (const { 0: run, index } of text.matchAll(list)) {
      const bytes = [...run.matchAll(byte)];
      yield* piecesOfBytes(bytes, { index, radix });
    }
  }
}

function* piecesOfBytes(
  bytes: readonly RegExpExecArray[],
  { index, radix }: { index: number; radix: number },
): Generator<DecodedPiece> {
  const decoded = bytes
    .map(({ 1: digits = '' }) => String.fromCharCode(Number.parseInt(digits, radix)))
    .join('');
  for (const { 0: text, index: start } of decoded.matchAll(READABLE)) {
    yield {
      text,
      toRaw: ([from, to]) => [startOf(bytes[start + from]), endOf(bytes[start + to - 1])],
    };
  }
  function startOf(byte: RegExpExecArray | undefined): number {
    return index + (byte?.index ?? 0);
  }
  function endOf(byte: RegExpExecArray | undefined): number {
    return startOf(byte) + (byte?.[0].length ?? 0);
  }
}

function* piecesOf(run: string, index: number, encoding: 'base64' | 'hex'): Generator<DecodedPiece> {
  const digits = run.replace(/\s/g, '');
  const at = digits.length === run.length ? (i: number) => i : unwrapped(run);
  const [alignments, bits] = encoding === 'base64' ? [4, 6] : [2, 4];
  for (let shift = 0; shift < alignments; shift += 1) {
    const decoded = Buffer.from(digits.slice(shift), encoding).toString('latin1');
    for (const { 0: text, index: start } of decoded.matchAll(READABLE)) {
      yield {
        text,
        toRaw: ([from, to]) => [
          index + at(shift + Math.floor(((start + from) * 8) / bits)),
          index + at(shift + Math.min(digits.length - shift, Math.ceil(((start + to) * 8) / bits)) - 1) + 1,
        ],
      };
    }
  }
}

/** Returns the position of each digit in a wrapped run. */
function unwrapped(run: string): (digit: number) => number {
  const places: number[] = [];
  for (let i = 0; i < run.length; i += 1) if (!/\s/.test(run.charAt(i))) places.push(i);
  return (digit) => places[digit] ?? run.length;
}
