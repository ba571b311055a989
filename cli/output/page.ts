/** Building blocks of terminal pages: marked sentences, facts, tables. Pure; the caller knows the terminal width. */

import { roughDuration } from '../base/duration.ts';
import { oneLine } from '../base/one-line.ts';
import { bare, Hanging, Painted, paint, type Rich, type Style } from './text-output.ts';
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

/**
 * A sentence after its mark.
 * @param depth columns before the mark
 */
export function said(mark: Mark, sentence: Rich, depth = 0): Rich {
  const [sign, style] = MARKS[mark];
  const text = onOneLine(sentence);
  const line = [' '.repeat(depth), paint(style, sign), ' ', text];
  // A command stays on one line, so that a person can copy it.
  return [mark === 'next' && COMMAND.test(bare(text)) ? line : new Hanging(depth + 2, line), '\n'];
}

const COMMAND = /^(orp|git|npm|codex)\b/;

/** Escapes newlines in foreign text, so that it cannot start a line. */
function onOneLine(rich: Rich): Rich {
  if (typeof rich === 'string') return oneLine(rich);
  if (rich instanceof Hanging) return new Hanging(rich.indent, onOneLine(rich.rich));
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
    const line = ['  ', paint('dim', name), gap, paint(style, oneLine(wordOf(value)))];
    return [new Hanging(width + 4, line), '\n'];
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
/** A wider column in the middle is cut before the table gets a second line per row. */
const FAIR = 24;
/** Indent of the further lines of a row. */
const INDENT = 2;
/** Maximum width of tables outside a terminal. */
const PLAIN_COLUMNS = 200;

/**
 * A table with one line per row. On a narrow terminal, each row has several lines, and the further ones are indented. A text that is still
 * too wide is cut with `…`.
 * @param columns width of the terminal
 */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[], columns: number): Rich {
  const cells = rows.map((row) => row.map(({ text, style }) => ({ text: oneLine(text), style })));
  const natural = heads.map((head, at) =>
    Math.max(textWidth(head), ...cells.map((row) => textWidth(row[at]?.text ?? ''))),
  );
  // Leave the last column of the terminal free.
  const lines = arrange(natural, columns - 1);
  const lay = (row: readonly Cell[]): Rich =>
    lines
      .map((line, at) => ({ text: layLine(line, row), indent: at === 0 ? '' : ' '.repeat(INDENT) }))
      .filter(({ text }, at) => at === 0 || bare(text).trim() !== '')
      .map(({ text, indent }) => [indent, text, '\n']);
  return [lay(heads.map((text) => ({ text, style: 'dim' }))), ...cells.map(lay)];
}

/** A column of a line. */
interface Column {
  /** The position of the column in the row. */
  at: number;
  width: number;
}

function layLine(line: readonly Column[], row: readonly Cell[]): Rich {
  return line.map(({ at, width }, place): Rich => {
    const { text = '', style } = row[at] ?? {};
    const shown = cutToWidth(text, width);
    const gap = place === line.length - 1 ? '' : ' '.repeat(width - textWidth(shown) + GAP);
    return [paint(style, shown), gap];
  });
}

/** The least width of a column in a table with one line per row. Ids, which are in the first column, stay whole. */
function leastWidth(natural: readonly number[], at: number): number {
  const width = natural[at] ?? 0;
  return at === 0 ? width : Math.min(FAIR, width);
}

/**
 * One line, if the columns can be made narrow enough. The last column is narrowed first, then the widest one. If that is not enough, the
 * row takes several lines.
 */
function arrange(natural: readonly number[], room: number): Column[][] {
  const last = natural.length - 1;
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  const rank = (at: number) => (at === last ? Number.POSITIVE_INFINITY : (natural[at] ?? 0));
  for (const at of [...natural.keys()].toSorted((a, b) => rank(b) - rank(a))) {
    const excess = Math.max(0, total() - room);
    widths[at] = Math.max(leastWidth(natural, at), (widths[at] ?? 0) - excess);
  }
  return total() <= room ? [widths.map((width, at) => ({ at, width }))] : flow(natural, room);
}

/** Spreads the columns over several lines. */
function flow(natural: readonly number[], room: number): Column[][] {
  const lines: Column[][] = [[]];
  let left = room;
  for (const [at, width] of natural.entries()) {
    const line = lines.at(-1) ?? [];
    const gap = line.length === 0 ? 0 : GAP;
    const needed = leastWidth(natural, at);
    const fits = line.length === 0 || needed + gap <= left;
    const free = fits ? left - gap : room - INDENT;
    const column = { at, width: Math.min(width, free) };
    if (fits) line.push(column);
    else lines.push([column]);
    left = free - column.width;
  }
  return lines;
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
    ...next.map((command) => said('next', forPerson(command))),
  ];
  return lines.length === 0 ? '' : ['\n', lines];
}

/** On a terminal, these commands show a list to choose from, so a person need not fill in their placeholders. */
const ASKING = /^(orp link (?:project bind|session (?:register|set-primary)))(?: --[a-z-]+)? <.*$/;

/** A suggested command as a person types it at a terminal. */
export function forPerson(command: string): string {
  return command.replace(ASKING, '$1');
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
