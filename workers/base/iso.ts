/** ISO 8601, or nothing. */
export function iso(at: number | null | undefined): string | undefined {
  return at === null || at === undefined ? undefined : new Date(at).toISOString();
}
