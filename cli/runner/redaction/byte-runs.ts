/** Text inside base64, hex and lists of bytes. */

import type { Stretch } from './view.ts';

/** Shorter runs hold no token. A run may be wrapped as `base64`, `openssl` and mail do. */
const BASE64_RUN =
  /(?<![A-Za-z0-9+/_-])(?:(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{0,76}|[A-Za-z0-9+/_-]{24,})/g;
const HEX_RUN = /(?<![0-9a-fA-F])(?:(?:[0-9a-fA-F]{60}\r?\n)+[0-9a-fA-F]{0,60}|[0-9a-fA-F]{36,})/g;
/** Noise has no such piece of text: each of its bytes is a character in 38 of 100 cases. UTF-16 has a zero behind each. */
const READABLE = /(?:[\t\n\r\x20-\x7e]\0?){12,}/g;

/** A piece of text that was found inside an encoded run. */
export interface DecodedPiece {
  text: string;
  /** The raw characters that encode a stretch of the piece; at both ends rounded up to whole characters. */
  toRaw(stretch: Stretch): Stretch;
}

/** Bytes one by one, as Node prints a buffer and JSON keeps one. */
const BYTE_LISTS = [
  {
    list: /(?:(?:0x)?[0-9a-fA-F]{2}(?:, ?|[ :-])){17,}(?:0x)?[0-9a-fA-F]{2}/g,
    byte: /(?:0x)?([0-9a-fA-F]{2})/g,
    radix: 16,
  },
  { list: /(?:[0-9]{1,3}(?:, ?| )){17,}[0-9]{1,3}/g, byte: /([0-9]{1,3})/g, radix: 10 },
];

/** Readable pieces of what base64, hex and lists of bytes in `text` stand for, at every alignment: a run may have something before it. */
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

/** Where in a wrapped run each of its digits stands. */
function unwrapped(run: string): (digit: number) => number {
  const places: number[] = [];
  for (let i = 0; i < run.length; i += 1) if (!/\s/.test(run.charAt(i))) places.push(i);
  return (digit) => places[digit] ?? run.length;
}
