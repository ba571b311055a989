/** Formats measurements for people. */

import { plainTable } from '../../cli/output/page.ts';
import type { Report } from './bench.ts';

export function printTable({ title, table, notes }: Report): void {
  const [head = [], ...rows] = table;
  const cells = rows.map((row) => row.map(String));
  console.log(`${title}\n${plainTable(head.map(String), cells)}`);
  for (const note of notes) console.log(note);
}

/** Returns the value below which this share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
