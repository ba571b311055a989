/** Text that leaves the program with a bound: cut between characters, never inside one. */

/** At most `max` UTF-16 units of a text; what was cut off is marked by `…`. A surrogate pair is kept or dropped as a whole. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  let end = Math.max(0, max - 1);
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last < 0xdc00) end -= 1;
  return `${text.slice(0, end)}…`;
}

/** One line for people: control characters and line breaks, which could move a cursor or hide words, become spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
