/** Every claim of docs/security.md names a test, and the test exists. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** The rows of the tables with claims. */
const claims = read('docs/security.md')
  .split(/\n\| claim \| test \|\n\| --- \| --- \|\n/)
  .slice(1)
  .flatMap((table) => table.split('\n\n')[0]?.split('\n') ?? [])
  .filter((row) => row.startsWith('|'))
  .map((row) => {
    const [, claim = '', proof = ''] = row.split(' | ').map((cell) => cell.replace(/^\|?\s*|\s*\|$/g, ''));
    return { claim: row.split(' | ')[0] ?? claim, proof: row.split(' | ')[1] ?? proof };
  });

describe('docs/security.md', () => {
  it('has many claims', () => {
    expect(claims.length).toBeGreaterThan(40);
  });

  it.each(claims)('names a test that exists: $claim', ({ proof }) => {
    const [, path = '', title = ''] = /`(test\/[\w./-]+)` "([^"]+)"/.exec(proof) ?? [];
    expect(path, proof).not.toBe('');
    expect(existsSync(new URL(path, root)), path).toBe(true);
    expect(read(path), path).toContain(title);
  });
});
