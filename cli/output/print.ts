/** Prints the result of a command on stdout. */

import { oneLine } from '../base/one-line.ts';
import type { Context } from './context.ts';
import type { Rich } from './text-output.ts';

/** The value of a line. Absent values print as an empty string. */
export type LineValue = string | number | boolean | null | undefined;

/** A `key=value` line. Several lines may have the same key. */
export type Line = readonly [key: string, value: LineValue];

/** Separates the rows of a list. */
const ROW_SEPARATOR = '---';

/** The forms of a result besides its document, each built only when printed. */
export interface Forms {
  /** For pipes. */
  lines: readonly Line[] | (() => string);
  /** For a terminal with this number of columns. */
  page(columns: number): Rich;
}

/** Prints a result in the requested form. Only this function chooses the form. */
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

/** Formats lines, each with its newline. */
export function formatLines(lines: readonly Line[]): string {
  return lines.map(([key, value]) => `${key}=${formatValue(value)}\n`).join('');
}

/** Formats head lines, then the rows of a list, each after `---`. */
export function formatRows(head: readonly Line[], rows: readonly (readonly Line[])[]): string {
  return formatLines(head) + rows.map((row) => `${ROW_SEPARATOR}\n${formatLines(row)}`).join('');
}

/** Lines for notes, warnings and suggested commands. */
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
