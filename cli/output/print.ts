/** Prints the result of a command on stdout. */

import { oneLine } from '../base/one-line.ts';
import type { Context } from './context.ts';
import { printPaged } from './pager.ts';
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
  /** Returns the page for a terminal with this number of columns. */
  page(columns: number): Rich;
}

/** Prints a result in the requested form. Only this function chooses the form. */
export function printResult(
  context: Pick<Context, 'form' | 'stdout' | 'shape'>,
  document: unknown,
  { lines, page }: Forms,
): void {
  const { form, stdout } = context;
  if (form === 'json') printDocument(context, document);
  else if (form === 'page') printPaged(stdout, page(stdout.columns));
  else stdout.write(typeof lines === 'function' ? lines() : formatLines(lines));
}

/** Prints a JSON document, or the part of it that was asked for. */
export function printDocument({ stdout, shape }: Pick<Context, 'stdout' | 'shape'>, document: unknown): void {
  stdout.write(shape?.(document) ?? `${JSON.stringify(document, null, 2)}\n`);
}

/** Prints one of several JSON documents, on its own line. */
export function printJsonLine({ stdout, shape }: Pick<Context, 'stdout' | 'shape'>, document: unknown): void {
  stdout.write(shape?.(document) ?? `${JSON.stringify(document)}\n`);
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
