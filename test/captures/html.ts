/** Shows captures with the colors of a dark and of a light terminal. */

/** The usual colors of terminals, by SGR number. */
const COLORS = {
  dark: {
    back: '#1e1e1e',
    front: '#d4d4d4',
    dim: '#808080',
    31: '#f14c4c',
    32: '#23d18b',
    33: '#e5e510',
    36: '#29b8db',
  },
  light: {
    back: '#ffffff',
    front: '#1f2328',
    dim: '#8c959f',
    31: '#cd3131',
    32: '#00803c',
    33: '#949800',
    36: '#0598bc',
  },
} as const;

export function toHtml(
  captures: readonly { title: string; text: string }[],
  theme: keyof typeof COLORS,
): string {
  const { back, front } = COLORS[theme];
  const blocks = captures.map(
    ({ title, text }) => `<h2>${escaped(title)}</h2><pre>${painted(text, theme)}</pre>`,
  );
  return `<!doctype html><meta charset="utf-8"><title>orp, ${theme}</title>
<style>body{background:${back};color:${front};font:14px/1.35 ui-monospace,monospace}h2{font-size:13px;opacity:.6}</style>
${blocks.join('\n')}
`;
}

function painted(text: string, theme: keyof typeof COLORS): string {
  const colors: Record<string, string> = COLORS[theme];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colors of the terminal.
  return escaped(text).replaceAll(/\u001b\[(\d+)m/g, (_whole, number: string) => {
    if (number === '1') return '<b>';
    if (number === '22') return '</b>';
    if (number === '2') return `<b style="font-weight:normal;color:${colors.dim}">`;
    return number === '39' ? '</span>' : `<span style="color:${colors[number]}">`;
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
