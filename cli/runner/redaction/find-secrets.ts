/** Finds every secret in a text, through the encodings that tools and agents put around it. */

import { findCredentials } from './credentials.ts';
import { decodedPieces } from './encoded-runs.ts';
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
