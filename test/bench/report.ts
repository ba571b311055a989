/** How a measurement is shown to people. */

import Table from 'cli-table3';
import type { Report } from './bench.ts';

export function printTable({ title, table, notes }: Report): void {
  const [head = [], ...rows] = table;
  const drawn = new Table({ head: head.map(String), style: { head: [], border: [] } });
  for (const row of rows) drawn.push(row.map(String));
  console.log(`${title}\n${drawn.toString()}`);
  for (const note of notes) console.log(note);
}

/** The value below which a share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
