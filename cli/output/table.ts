/** Rows for people on a terminal. Scripts get `key=value` lines or JSON. */

import Table from 'cli-table3';
import { clip } from '../../spec/text.ts';
import { oneLine } from '../base/one-line.ts';
import type { LineValue } from './print.ts';

/** A plain table without borders; long cells are cut with `…` so that a row stays a row. */
export function formatTable(
  heads: readonly string[],
  rows: readonly (readonly LineValue[])[],
  widths: { maxCell: number } = { maxCell: 60 },
): string {
  const table = new Table({
    head: [...heads],
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  });
  for (const row of rows) table.push(row.map((cell) => clip(oneLine(String(cell ?? '')), widths.maxCell)));
  return `${table.toString().replace(/[ \t]+$/gm, '')}\n`;
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
