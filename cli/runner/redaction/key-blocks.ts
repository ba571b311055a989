/** Finds private keys in PEM and PGP armor. The text may contain the complete key, only its beginning or only its end. */

import { plainView, type Stretch } from './view.ts';

const TITLE = /-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
/**
 * A complete line of a key. RFC 7468 wraps at 64, OpenSSH at 70, RFC 4880 at 76. A line number, a file name or the mark of a
 * diff may precede it, and the end of a string in a program may follow it.
 */
const FULL_LINE = /^(?:.{0,80}[^A-Za-z0-9+/])?[A-Za-z0-9+/]{60,76}[^A-Za-z0-9+/]{0,8}$/;
const LAST_LINE = /^(?:.{0,80}[^A-Za-z0-9+/=])?[A-Za-z0-9+/]{1,76}={0,2}[^A-Za-z0-9+/=]{0,8}$/;
const HEADER_LINE =
  /^.{0,80}(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):.{0,200}$|^[^A-Za-z0-9]{0,8}$/;
/** The checksum line of PGP armor. */
const CHECKSUM = /^(?:.{0,80}[^A-Za-z0-9+/=])?=[A-Za-z0-9+/]{4}[^A-Za-z0-9+/=]{0,8}$/;
/**
 * A short key, or the last line of a key. Only a line number or the mark of a diff may surround it, unless it ends with
 * padding.
 */
const LONE_LINE =
  /^(?:[^A-Za-z]{0,16}[^A-Za-z0-9+/])?[A-Za-z0-9+/]{16,76}={0,2}\r?$|[A-Za-z0-9+/]{16}={1,2}\r?$/;
/** A key whose line ends were removed, so that it is in one line. */
const JOINED = /[ \t]{0,8}[A-Za-z0-9+/=]{16,}/y;
const MAX_LINE = 400;
/** The size of a key of 16,384 bits, plus a reserve. Titles that are further apart do not belong to one key. */
const MAX_BODY = 14 * 1024;

interface Title {
  kind: string | undefined;
  from: number;
  to: number;
}

/** Returns the positions of private keys, in order. */
export function findKeys(text: string): Stretch[] {
  const titles = titlesOf(text);
  const found: Stretch[] = [];
  titles.forEach((title, turn) => {
    const next = titles[turn + 1];
    const previous = titles[turn - 1];
    if (title.kind === 'END') {
      if (previous && isPair(previous, title)) return;
      const start = startOfBody(text, previous?.to ?? 0, title.from);
      if (start < title.from) found.push([start, title.to]);
    } else if (next && isPair(title, next)) {
      if (isBody(text.slice(title.to, next.from))) found.push([title.from, next.to]);
    } else {
      const end = endOfBody(text, title.to, next?.from ?? text.length);
      if (end > title.to) found.push([title.from, end]);
    }
  });
  return found;
}

/** The number of encodings (such as colors) in which an incomplete text is searched for lines of a key. */
const MAX_VIEWS = 4;

/**
 * Returns the start of the last lines that may belong to an incomplete key, or the length of the text if there are none. Also
 * finds lines with colors and escapes.
 */
export function openKey(text: string, views = MAX_VIEWS): number {
  const open = openKeyIn(text);
  const view = views === 0 ? undefined : plainView(text);
  if (view === undefined) return open;
  const inside = openKey(view.text, views - 1);
  return inside < view.text.length ? Math.min(open, view.toRaw([inside, inside + 1])[0]) : open;
}

function openKeyIn(text: string): number {
  const last = titlesOf(text).at(-1);
  if (last?.kind === 'BEGIN') {
    const isNear = text.length - last.to <= MAX_BODY;
    if (isNear || text.slice(endOfBody(text, last.to, text.length)).trim() === '') return last.from;
  }
  return startOfTail(text, 0, text.length);
}

/** Returns the start of the lines before `from` that may be the end of a key whose end title follows. */
function startOfTail(text: string, limit: number, from: number): number {
  const full = startOfFullLines(text, limit, from);
  if (full < from) return full;
  const end = beforeChecksum(text, limit, from);
  const last = lineBefore(text, limit, end);
  if (last.text.length > MAX_LINE || !LAST_LINE.test(last.text)) return from;
  const start = startOfFullLines(text, limit, last.from);
  return start < last.from || LONE_LINE.test(last.text) ? start : from;
}

function beforeChecksum(text: string, limit: number, from: number): number {
  const line = lineBefore(text, limit, from);
  return CHECKSUM.test(line.text) ? line.from : from;
}

function titlesOf(text: string): Title[] {
  if (!text.includes('PRIVATE KEY')) return [];
  return [...text.matchAll(TITLE)].map((match) => ({
    kind: match[1],
    from: match.index,
    to: match.index + match[0].length,
  }));
}

function isPair(title: Title, next: Title): boolean {
  return title.kind === 'BEGIN' && next.kind === 'END' && next.from - title.to <= MAX_BODY;
}

/** Returns whether the text between two titles is a key. A program may only mention the titles. */
function isBody(between: string): boolean {
  return /[A-Za-z0-9+/]{40}/.test(between) || /^[A-Za-z0-9+/=\s]*[A-Za-z0-9][A-Za-z0-9+/=\s]*$/.test(between);
}

/** Returns where the key after a title ends. */
function endOfBody(text: string, from: number, limit: number): number {
  JOINED.lastIndex = from;
  let end = JOINED.test(text) ? Math.min(JOINED.lastIndex, limit) : from;
  let at = endOfLine(text, end, limit);
  if (at - end > 8) return end;
  while (at < limit) {
    const stop = endOfLine(text, at + 1, limit);
    const line = text.slice(at + 1, stop);
    if (line.length > MAX_LINE) return end;
    if (FULL_LINE.test(line)) end = stop;
    else if (!HEADER_LINE.test(line)) return isLastLine(line, stop === text.length) ? stop : end;
    at = stop;
  }
  return end;
}

/** Returns whether a line is the last line of a key and not a word of a program. */
function isLastLine(line: string, isCut: boolean): boolean {
  return LAST_LINE.test(line) && (isCut || /[A-Za-z0-9+/]{16}|=/.test(line));
}

/** Returns where the key before an end title begins. */
function startOfBody(text: string, limit: number, from: number): number {
  const titleLine = Math.max(limit, text.lastIndexOf('\n', from - 1) + 1);
  let joined = from;
  while (joined > titleLine && /[A-Za-z0-9+/= \t]/.test(text.charAt(joined - 1))) joined -= 1;
  if (/[A-Za-z0-9+/=]{16}/.test(text.slice(joined, from))) return joined;
  const last = lineBefore(text, limit, beforeChecksum(text, limit, titleLine));
  const full = startOfFullLines(text, limit, last.from);
  const isEnd =
    last.from < titleLine && LAST_LINE.test(last.text) && (full < last.from || isLastLine(last.text, false));
  return isEnd || FULL_LINE.test(last.text) ? full : from;
}

function startOfFullLines(text: string, limit: number, from: number): number {
  let start = from;
  while (start > limit) {
    const line = lineBefore(text, limit, start);
    if (line.text.length > MAX_LINE || !FULL_LINE.test(line.text)) break;
    start = line.from;
  }
  return start;
}

function lineBefore(text: string, limit: number, start: number): { from: number; text: string } {
  const from = start < 2 ? 0 : text.lastIndexOf('\n', start - 2) + 1;
  return {
    from: Math.min(start, Math.max(limit, from)),
    text: text.slice(Math.max(limit, from), Math.max(0, start - 1)),
  };
}

function endOfLine(text: string, from: number, limit: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 || at > limit ? limit : at;
}
