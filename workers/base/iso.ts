/** Formats a time as ISO 8601; undefined stays undefined. */
export function iso(at: number | null | undefined): string | undefined {
  return at === null || at === undefined ? undefined : new Date(at).toISOString();
}
