/** Checks the path to which the browser returns after a form or a link. */

/** Returns `path` if it is a path on this server. Otherwise it could send the person to another site. */
export function localPath(path: string | undefined, otherwise: string): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : otherwise;
}
