/**
 * Keeps foreign text on one line and away from terminal controls: escapes control characters, line separators and
 * bidirectional marks.
 */
export function oneLine(text: string): string {
  return text.replace(
    /\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu,
    (unit) => ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The first line of a tool's output, for use inside a sentence. */
export function firstLineOf(printed: string): string {
  return (printed.split('\n')[0] ?? '').replace(/^fatal: /, '').replace(/\.$/, '');
}
