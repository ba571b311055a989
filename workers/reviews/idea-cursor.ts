/** Where a page of ideas ends, as an opaque word: letters, digits, `-` and `_`, which v0.4.4 puts into a query as it is. */

import { Buffer } from 'node:buffer';
import type { IdeaPosition } from '../store/ideas.ts';

export function writeCursor({ value, id }: IdeaPosition): string {
  return Buffer.from(JSON.stringify([value, id])).toString('base64url');
}

/** Undefined: from the beginning. Null: not one of ours. */
export function readCursor(cursor: string | undefined): IdeaPosition | undefined | null {
  if (!cursor) return undefined;
  try {
    const [value, id] = JSON.parse(new TextDecoder().decode(Buffer.from(cursor, 'base64url'))) as unknown[];
    if (typeof id !== 'string' || (typeof value !== 'string' && typeof value !== 'number')) return null;
    return { value, id };
  } catch {
    // Neither base64url nor JSON: whatever it is, this list did not give it out.
    return null;
  }
}
