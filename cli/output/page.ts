/** Building blocks of terminal pages: marked sentences, facts, tables. Pure; the caller knows the terminal width. */

import { roughDuration } from '../base/duration.ts';
import { oneLine } from '../base/one-line.ts';
import { bare, Painted, paint, type Rich, type Style } from './text-output.ts';
import { cutToWidth, textWidth } from './text-width.ts';

const MARKS = {
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
  idle: ['○', 'dim'],
  busy: ['●', 'green'],
  warning: ['!', 'yellow'],
  note: ['·', 'dim'],
  next: ['→', 'cyan'],
} as const;

export type Mark = keyof typeof MARKS;

/** A sentence after its mark. */
export function said(mark: Mark, sentence: Rich): Rich {
  const [sign, style] = MARKS[mark];
  return [paint(style, sign), ' ', onOneLine(sentence), '\n'];
}

/** Escapes newlines in foreign text, so that it cannot start a line. */
function onOneLine(rich: Rich): Rich {
  if (typeof rich === 'string') return oneLine(rich);
  return rich instanceof Painted ? new Painted(rich.style, oneLine(rich.text)) : rich.map(onOneLine);
}

/** A name and a value. Facts with empty values are omitted. */
export type Fact = readonly [
  name: string,
  value: string | number | boolean | null | undefined,
  style?: Style,
];

/** Lists facts with aligned values. */
export function facts(list: readonly Fact[]): Rich {
  const known = list.filter(([, value]) => value !== undefined && value !== null && value !== '');
  const width = Math.max(0, ...known.map(([name]) => textWidth(name)));
  return known.map(([name, value, style]): Rich => {
    const gap = ' '.repeat(width - textWidth(name) + 2);
    return ['  ', paint('dim', name), gap, paint(style, oneLine(wordOf(value))), '\n'];
  });
}

function wordOf(value: Fact[1]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value ?? '');
}

export interface Cell {
  text: string;
  style?: Style | undefined;
}

const GAP = 2;
/** Minimum column width, even on narrow terminals. */
const NARROWEST = 8;
/** Maximum width of tables outside a terminal. */
const PLAIN_COLUMNS = 200;

/**
 * A table with one line per row. The last column gets the remaining width and is cut with `…`.
 * @param columns width of the terminal
 */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[], columns: number): Rich {
  const cells = rows.map((row) => row.map(({ text, style }) => ({ text: oneLine(text), style })));
  const last = heads.length - 1;
  const widths = heads.map((head, at) =>
    Math.max(textWidth(head), ...cells.map((row) => textWidth(row[at]?.text ?? ''))),
  );
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP, 0);
  const room = Math.max(NARROWEST, columns - 1 - before);
  const lay = (row: readonly Cell[]): Rich => [
    ...row.map(({ text, style }, at): Rich => {
      if (at === last) return paint(style, cutToWidth(text, room));
      return [paint(style, text), ' '.repeat((widths[at] ?? 0) - textWidth(text) + GAP)];
    }),
    '\n',
  ];
  return [lay(heads.map((text) => ({ text, style: 'dim' }))), ...cells.map(lay)];
}

/** A table without colors, for `key=value` output. */
export function plainTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return bare(
    table(
      heads,
      rows.map((row) => row.map((text) => ({ text }))),
      PLAIN_COLUMNS,
    ),
  );
}

/** Warnings, notes and next commands. */
export function advicePage(advice: {
  notes?: readonly string[];
  warnings?: readonly string[];
  next_actions?: readonly string[];
}): Rich {
  const { notes = [], warnings = [], next_actions: next = [] } = advice;
  const lines = [
    ...warnings.map((text) => said('warning', text)),
    ...notes.map((text) => said('note', text)),
    ...next.map((command) => said('next', command)),
  ];
  return lines.length === 0 ? '' : ['\n', lines];
}

/** Joins the defined parts. */
export function joined(parts: readonly (Rich | undefined)[], between = ' · '): Rich {
  return parts
    .filter((part) => part !== undefined && bare(part) !== '')
    .flatMap((part, at) => (at === 0 ? [part ?? ''] : [between, part ?? '']));
}

/** A short duration for table columns: `5s`, `12m`, `3h`, `4d`. */
export function age(ms: number): string {
  const [count = '', unit = ''] = roughDuration(ms).split(' ');
  return `${count}${unit.charAt(0)}`;
}

/** The local time: `05:43`. */
export function clock(at: number): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}
