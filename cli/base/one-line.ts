/**
 * Text of others stays on its line and cannot steer the terminal: control characters, line separators and marks that
 * change the direction of writing are shown escaped.
 */
export function oneLine(text: string): string {
  return text.replace(
    /\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu,
    (unit) => ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The first line of what a tool printed, as a part of our sentence. */
export function firstLineOf(printed: string): string {
  return (printed.split('\n')[0] ?? '').replace(/^fatal: /, '').replace(/\.$/, '');
}
