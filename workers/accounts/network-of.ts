/** The network that an address belongs to: what one person or attacker has at hand counts as one. */

/** IPv4 addresses inside IPv6: mapped (RFC 4291) and translated by NAT64 (RFC 6052). */
const EMBEDDED = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
];

/** `203.0.113.7` for IPv4, `2001:db8:0:1::/64` for IPv6; what is no address stays as it is, cut to 64 characters. */
export function networkOf(address: string): string {
  const text = address.trim().toLowerCase().split('%')[0] ?? '';
  if (!text.includes(':')) return text.slice(0, 64) || 'unknown';
  const groups = groupsOf(text);
  if (groups === undefined) return text.slice(0, 64);
  const isIpv4 = EMBEDDED.some((prefix) => prefix.every((group, at) => groups[at] === group));
  if (isIpv4) return [...bytesOf(groups[6]), ...bytesOf(groups[7])].join('.');
  const network = groups.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

function bytesOf(group = 0): [number, number] {
  return [group >> 8, group & 0xff];
}

/** The eight groups of an IPv6 address; undefined when it is none. */
function groupsOf(text: string): number[] | undefined {
  const halves = withoutDots(text).split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

/** `::ffff:203.0.113.7` as `::ffff:cb00:7107`. */
function withoutDots(text: string): string {
  return text.replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}
