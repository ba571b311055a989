/** What `JSON.parse` keeps to itself: of two equal keys it takes the last one, and nobody hears of the first. */

/** A string, with the colon that makes it a key; or where an object begins and ends. */
const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g;

/** The first key that stands twice in one object of a valid JSON text. */
export function repeatedKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [part, string, colon] of json.matchAll(PARTS)) {
    if (part === '{') objects.push(new Set());
    else if (part === '}') objects.pop();
    else if (string !== undefined && colon !== undefined) {
      // Read, because a letter may be written as its code.
      const key = String(JSON.parse(string));
      const keys = objects.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
