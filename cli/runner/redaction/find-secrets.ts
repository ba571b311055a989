/** Finds every secret in a text, through the encodings that tools and agents put around it. */

import { findCredentials } from './credentials.ts';
import { findKeys } from './key-blocks.ts';
import { Literals } from './literals.ts';
import { findTokens } from './token-shapes.ts';
import { plainView, type Stretch } from './view.ts';

/** JSON in JSON in a URL in base64; what is wrapped more often is nobody's accident. */
const MAX_DEPTH = 4;

const known = new WeakMap<readonly string[], Literals>();

/** The search for some values; made once for each list. */
export function literalsOf(values: readonly string[]): Literals {
  const made = known.get(values) ?? new Literals(values);
  known.set(values, made);
  return made;
}

/** Every secret in `text`, in order and without overlaps. `values` are known secrets, next to all known shapes. */
export function findSecrets(text: string, values: readonly string[]): Stretch[] {
  return merge(find(text, literalsOf(values), 0));
}

function find(text: string, literals: Literals, depth: number): Stretch[] {
  const found = [...literals.find(text), ...findTokens(text), ...findKeys(text), ...findCredentials(text)];
  if (depth === MAX_DEPTH) return found;
  const view = plainView(text);
  const pieces = view === undefined ? decodedPieces(text) : [view, ...decodedPieces(text)];
  for (const piece of pieces) {
    for (const stretch of find(piece.text, literals, depth + 1)) found.push(piece.toRaw(stretch));
  }
  return found;
}

function merge(stretches: Stretch[]): Stretch[] {
  const merged: [number, number][] = [];
  for (const [from, to] of stretches.sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Shorter runs hold no token. A run may be wrapped as `base64`, `openssl` and mail do. */
const BASE64_RUN =
  /(?<![A-Za-z0-9+/_-])(?:(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{0,76}|[A-Za-z0-9+/_-]{24,})/g;
const HEX_RUN = /(?<![0-9a-fA-F])(?:(?:[0-9a-fA-F]{60}\r?\n)+[0-9a-fA-F]{0,60}|[0-9a-fA-F]{36,})/g;
/** Noise has no such piece of text: each of its bytes is a character in 38 of 100 cases. */
const READABLE = /[\t\n\r\x20-\x7e]{12,}/g;

/** A piece of text that was found inside an encoded run. */
export interface DecodedPiece {
  text: string;
  /** The raw characters that encode a stretch of the piece; at both ends rounded up to whole characters. */
  toRaw(stretch: Stretch): Stretch;
}

/** Readable pieces of what base64 and hex in `text` stand for, at every alignment: a run may have something before it. */
export function* decodedPieces(text: string): Generator<DecodedPiece> {
  for (const { 0: run, index } of text.matchAll(BASE64_RUN)) yield* piecesOf(run, index, 'base64');
  for (const { 0: run, index } of text.matchAll(HEX_RUN)) yield* piecesOf(run, index, 'hex');
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
