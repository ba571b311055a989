/** What the system says when it refuses something. */

/** Whether an error carries one of these codes of the system. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
