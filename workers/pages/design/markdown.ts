/**
 * Reads the Markdown that agents and people write: paragraphs, headings, lists, quotes, code, bold text and links. Everything
 * else stays text. The time grows with the length of the text, whatever it contains, and nothing becomes HTML here.
 */

export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'bold'; parts: Inline[] }
  /** A link is shown and never followed, because its text may lie about its address. */
  | { kind: 'link'; text: string; address: string };

export interface Item {
  parts: Inline[];
  /** The list inside the item. */
  inner: List | undefined;
}

export interface List {
  kind: 'list';
  /** The number of the first item. Absent if the items have no numbers. */
  start: number | undefined;
  items: Item[];
}

export type Block =
  | { kind: 'paragraph' | 'heading' | 'quote'; parts: Inline[] }
  /** Code and tables keep their columns. */
  | { kind: 'code'; text: string }
  | { kind: 'rule' }
  | List;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}\s+(.*)$/;
const RULE = /^ {0,3}(?:-\s*){3,}$|^ {0,3}(?:\*\s*){3,}$/;
const QUOTE = /^ {0,3}>+ ?/;
const TABLE = /^ {0,3}\|/;
const ITEM = /^(\s{0,40})(?:[-*+]|(\d{1,6})[.)])\s+(.*)$/;
const DEEPEST = 5;

/** Reads a text. */
export function blocksOf(text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    const fence = FENCE.exec(line)?.[1];
    const isOf = kindOf(line);
    let end = at + 1;
    if (fence !== undefined) {
      while (end < lines.length && !(lines[end] ?? '').trim().startsWith(fence)) end += 1;
      blocks.push({ kind: 'code', text: lines.slice(at + 1, end).join('\n') });
      end += 1;
    } else if (line.trim() !== '') {
      while (isOf.continues(lines[end])) end += 1;
      blocks.push(isOf.read(lines.slice(at, end)));
    }
    at = end;
  }
  return blocks;
}

interface BlockKind {
  /** Returns whether a line belongs to the block that the line before it belongs to. */
  continues(line: string | undefined): boolean;
  read(lines: readonly string[]): Block;
}

const never = () => false;
const isBlank = (line: string) => line.trim() === '';
const matching = (pattern: RegExp) => (line: string | undefined) => line !== undefined && pattern.test(line);
const begins = (line: string) => [FENCE, HEADING, RULE, QUOTE, TABLE, ITEM].some((one) => one.test(line));

const PARAGRAPH: BlockKind = {
  continues: (line) => line !== undefined && !isBlank(line) && !begins(line),
  read: (lines) => ({ kind: 'paragraph', parts: inlineOf(lines.join('\n')) }),
};

const KINDS: readonly (readonly [RegExp, BlockKind])[] = [
  [
    HEADING,
    {
      continues: never,
      read: ([line = '']) => ({ kind: 'heading', parts: inlineOf(HEADING.exec(line)?.[1] ?? '') }),
    },
  ],
  [RULE, { continues: never, read: () => ({ kind: 'rule' }) }],
  [
    QUOTE,
    {
      continues: matching(QUOTE),
      read: (lines) => ({
        kind: 'quote',
        parts: inlineOf(lines.map((line) => line.replace(QUOTE, '')).join('\n')),
      }),
    },
  ],
  [TABLE, { continues: matching(TABLE), read: (lines) => ({ kind: 'code', text: lines.join('\n') }) }],
  [
    ITEM,
    {
      // A line that is indented belongs to the item before it.
      continues: (line) =>
        line !== undefined && (ITEM.test(line) || /^\s+\S/.test(line)) && !FENCE.test(line),
      read: listOf,
    },
  ],
];

function kindOf(line: string): BlockKind {
  return KINDS.find(([pattern]) => pattern.test(line))?.[1] ?? PARAGRAPH;
}

/** Nests the items by their indentation. */
function listOf(lines: readonly string[]): List {
  const outer: { list: List; indent: number }[] = [];
  const first: List = { kind: 'list', start: undefined, items: [] };
  for (const { indent, number, text } of itemsOf(lines)) {
    while (outer.length > 1 && indent < (outer.at(-1)?.indent ?? 0)) outer.pop();
    const above = outer.at(-1);
    const item: Item = { parts: inlineOf(text), inner: undefined };
    const last = above?.list.items.at(-1);
    if (above === undefined || (indent > above.indent && last !== undefined && outer.length < DEEPEST)) {
      const list: List = above === undefined ? first : { kind: 'list', start: undefined, items: [] };
      list.start = number;
      list.items.push(item);
      if (last !== undefined) last.inner = list;
      outer.push({ list, indent });
    } else above.list.items.push(item);
  }
  return first;
}

/** Joins the lines of each item. */
function itemsOf(lines: readonly string[]): { indent: number; number: number | undefined; text: string }[] {
  const items: { indent: number; number: number | undefined; text: string }[] = [];
  for (const line of lines) {
    const [, indent = '', number, text] = ITEM.exec(line) ?? [];
    const last = items.at(-1);
    if (text !== undefined)
      items.push({ indent: indent.length, number: number === undefined ? undefined : Number(number), text });
    else if (last !== undefined) last.text += `\n${line.trim()}`;
  }
  return items;
}

/** Each alternative excludes its own first character, so that every character is looked at a bounded number of times. */
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^[\]\n]+)\]\(([^()[\]\s]+)\)/g;

function inlineOf(text: string): Inline[] {
  const parts: Inline[] = [];
  let at = 0;
  for (const { 0: whole, 1: code, 2: bold, 3: label, 4: address, index } of text.matchAll(INLINE)) {
    if (index > at) parts.push({ kind: 'text', text: text.slice(at, index) });
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (bold !== undefined) parts.push({ kind: 'bold', parts: inlineOf(bold) });
    else if (label !== undefined && address !== undefined) parts.push({ kind: 'link', text: label, address });
    at = index + whole.length;
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}
