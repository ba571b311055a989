/** Errors of the operating system. */

/** Returns whether an error has one of these system codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/**
 * Returns whether the operating system refused something (full disk, missing permission, too many open files), which is
 * no bug.
 */
export function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));
}
