/** A fixed instant for tests: 2026-04-01T10:00:00Z. */
export const T0 = 1_775_037_600_000;
