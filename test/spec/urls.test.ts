/** Cloudflare's edge refuses a URL of more than 16 KB, which the local runtime does not: no row may be able to outgrow it. */

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ROWS } from '../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';

/** Bytes of a URL, with room for the origin. */
const LIMIT = 16_000;
/** A character of the query may take three bytes of UTF-8, each of them three characters when it is encoded. */
const ENCODED = 9;
const ID_LENGTH = 128;

/** Lists that clients of 0.5.0 still send in the query; `orp` puts them into the body of a claim. */
const OLD_LISTS: Record<string, readonly string[]> = {
  pollJob: ['projectRoot'],
  pollAgent: ['projectRoot', 'notProjectRoot'],
};

interface Property {
  maxLength?: number;
  pattern?: string;
  enum?: string[];
  type?: string;
  anyOf?: Property[];
}

/** The longest value of a query key; infinite when its schema sets no bound. */
function longest({ maxLength, pattern, enum: values, type, anyOf }: Property): number {
  if (values !== undefined) return Math.max(...values.map((value) => value.length));
  if (type === 'integer' || type === 'number') return 20;
  if (anyOf !== undefined) return Math.max(...anyOf.map(longest));
  if (maxLength !== undefined) return maxLength * ENCODED;
  const repeats = [...(pattern?.matchAll(/\{\d+,(\d+)\}/g) ?? [])].map(([, most]) => Number(most));
  const isOpen = pattern === undefined || /(?<!\\)[*+]/.test(pattern);
  return isOpen || repeats.length === 0 ? Number.POSITIVE_INFINITY : 1 + repeats.reduce((a, b) => a + b, 0);
}

function longestUrl(row: Endpoint): number {
  const path = row.path.replace(/:\w+/g, 'x'.repeat(ID_LENGTH)).length;
  if (row.query === undefined) return path;
  const schema = z.toJSONSchema(row.query, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Property>;
  };
  const query = Object.entries(schema.properties ?? {})
    .filter(([key]) => !OLD_LISTS[row.name]?.includes(key))
    .map(([key, property]) => key.length + 2 + longest(property));
  return path + query.reduce((sum, length) => sum + length, 0);
}

describe('a URL of the contract', () => {
  it.each(ROWS.map((row): [string, Endpoint] => [row.name, row]))('of %s fits through the edge', (_, row) => {
    expect(longestUrl(row)).toBeLessThan(LIMIT);
  });
});
