/** Patterns of paths and ids in the local policy. No braces, no classes, no negation: a rule must be easy to read. */

/**
 * Returns whether a path matches: `*` and `?` stay within one name, `**` crosses folders, `<folder>/**` includes the folder
 * itself.
 */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesNames(names(pattern), names(path));
}

/** Returns whether an id matches; `*` matches any text. The match is case-sensitive. */
export function matchesText(pattern: string, text: string): boolean {
  return matchesName(pattern, text);
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

/**
 * Each `**` is tried at every place at most once per rest of the path, so no pattern is slow. `reachable[at]` says
 * that the pattern so far takes exactly the first `at` names.
 */
function matchesNames(patterns: readonly string[], path: readonly string[]): boolean {
  let reachable = [true, ...path.map(() => false)];
  for (const pattern of patterns) {
    const next = reachable.map(() => false);
    let isOpen = false;
    for (let at = 0; at <= path.length; at += 1) {
      if (pattern === '**') {
        isOpen ||= reachable[at] === true;
        next[at] = isOpen;
      } else if (reachable[at] === true && at < path.length) {
        if (matchesName(pattern, path[at] ?? '')) next[at + 1] = true;
      }
    }
    reachable = next;
  }
  return reachable[path.length] === true;
}

/** Uses the algorithm of `matchesNames` on the characters of one name. */
function matchesName(pattern: string, name: string): boolean {
  const characters = Array.from(name);
  let reachable = [true, ...characters.map(() => false)];
  for (const unit of Array.from(pattern)) {
    const next = reachable.map(() => false);
    let isOpen = false;
    for (let at = 0; at <= characters.length; at += 1) {
      if (unit === '*') {
        isOpen ||= reachable[at] === true;
        next[at] = isOpen;
      } else if (reachable[at] === true && at < characters.length) {
        if (unit === '?' || unit === characters[at]) next[at + 1] = true;
      }
    }
    reachable = next;
  }
  return reachable[characters.length] === true;
}
