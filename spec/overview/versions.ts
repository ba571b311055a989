/** The order of versions such as 0.5.0 and 0.5.0-rc.1. Clients send them, so every text has a place in it. */

/** Negative when `one` is older. A version with a suffix is older than the one without. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at += 1) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.suffix === b.suffix) return 0;
  if (a.suffix === '' || b.suffix === '') return a.suffix === '' ? 1 : -1;
  return a.suffix.localeCompare(b.suffix, 'en', { numeric: true });
}

function partsOf(version: string): { numbers: number[]; suffix: string } {
  const [, plain = '', suffix = ''] = /^([\d.]*)(.*)$/s.exec(version.split('+')[0] ?? '') ?? [];
  return { numbers: plain.split('.').map((part) => Number(part) || 0), suffix };
}
