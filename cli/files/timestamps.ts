/** Timestamps in local files: UTC, in seconds. */

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** `2026-04-01T10:00:00Z`, without fractions of a second. */
export function formatTimestamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Epoch ms of an ISO 8601 text (default zone: UTC), or undefined. */
export function parseTimestamp(text: string): number | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const [, date, time = '00:00', zone = 'Z'] = match;
  const at = Date.parse(`${date}T${time.replace(',', '.')}${normaliseZone(zone)}`);
  return Number.isNaN(at) ? undefined : at;
}

function normaliseZone(zone: string): string {
  if (zone.toUpperCase() === 'Z') return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}
