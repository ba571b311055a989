/** Where a form or a link leads afterwards. */

/** A path on this server; anything else could send a person to another site. */
export function localPath(path: string | undefined, otherwise: string): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : otherwise;
}
