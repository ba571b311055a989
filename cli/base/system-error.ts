/** What the system says when it refuses something. */

/** Whether an error carries one of these codes of the system. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The operating system refused something: a full disk, a missing permission, too many open files. That is nobody's bug. */
export function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));
}
