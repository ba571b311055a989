/** The result of a command on stdout: one JSON document, or `key=value` lines. */

import { oneLine } from '../base/one-line.ts';
import type { Context } from './context.ts';
import type { Rich } from './text-output.ts';

/** A value of a line; absent ones print as nothing after the `=`. */
export type LineValue = string | number | boolean | null | undefined;

/** A `key=value` line. The same key may stand on several lines. */
export type Line = readonly [key: string, value: LineValue];

/** Between the rows of a list. */
const ROW_SEPARATOR = '---';

/** A result in its forms beside the document; each is made only when it is printed. */
export interface Forms {
  /** For pipes. */
  lines: readonly Line[] | (() => string);
  /** For a person at a terminal of so many columns. */
  page(columns: number): Rich;
}

/** Prints a result in the form that was asked for: the only place that chooses between them. */
export function printResult(
  context: Pick<Context, 'form' | 'stdout'>,
  document: unknown,
  { lines, page }: Forms,
): void {
  const { form, stdout } = context;
  if (form === 'json') stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else if (form === 'page') stdout.print(page(stdout.columns));
  else stdout.write(typeof lines === 'function' ? lines() : formatLines(lines));
}

/** Lines, each with its newline. */
export function formatLines(lines: readonly Line[]): string {
  return lines.map(([key, value]) => `${key}=${formatValue(value)}\n`).join('');
}

/** Head lines, then the rows of a list, each preceded by `---`. */
export function formatRows(head: readonly Line[], rows: readonly (readonly Line[])[]): string {
  return formatLines(head) + rows.map((row) => `${ROW_SEPARATOR}\n${formatLines(row)}`).join('');
}

/** Informational, problem and suggested-command lines. */
export function adviceLines(advice: {
  notes?: readonly string[];
  warnings?: readonly string[];
  next_actions?: readonly string[];
}): Line[] {
  const linesOf = (key: string, texts: readonly string[] = []): Line[] => texts.map((text) => [key, text]);
  return [
    ...linesOf('note', advice.notes),
    ...linesOf('warning', advice.warnings),
    ...linesOf('next', advice.next_actions),
  ];
}

function formatValue(value: LineValue): string {
  return value === null || value === undefined ? '' : oneLine(String(value));
}
