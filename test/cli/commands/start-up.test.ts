import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const CLI = join(import.meta.dirname, '../../../cli');

/** Everything that a file loads before it runs: static imports, types excluded, followed through our own files. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const imports = readFileSync(path, 'utf8').matchAll(
    /^(?:import|export)\s(?!type\b)[^;]*?from '([^']+)';/gm,
  );
  for (const [, target = ''] of imports) {
    if (target.startsWith('.')) loadedBy(resolve(dirname(path), target), seen);
    else seen.add(target);
  }
  return seen;
}

describe('starting up', () => {
  it('`orp --version` loads nothing but a few lines', () => {
    const loaded = [...loadedBy(join(CLI, 'main.ts'))];
    expect(loaded.filter((name) => !name.startsWith(CLI))).toEqual(['node:fs']);
    expect(loaded.length).toBeLessThan(8);
  });

  it.each(['runner-local.ts', 'link.ts', 'link-session.ts'])(
    '%s loads neither the schema library nor the client of the service',
    (file) => {
      const loaded = [...loadedBy(join(CLI, 'commands', file))];
      expect(loaded).not.toContain('zod');
      expect(loaded).not.toContain('node:crypto');
      // These two know the names of agents and capabilities, and load no driver before one is needed.
      const heavy = loaded.filter((name) => /\/cli\/(client|runner|agents)\//.test(name));
      const light = ['agents/registry.ts', 'agents/agent.ts'].map((name) => join(CLI, name));
      expect(heavy.filter((name) => !light.includes(name))).toEqual([]);
    },
  );

  it('a plain `orp runner status` loads no library at all', () => {
    const loaded = [...loadedBy(join(CLI, 'plain-status.ts'))].filter((name) => !name.startsWith('/'));
    expect(loaded.sort()).toEqual(['node:child_process', 'node:fs', 'node:os', 'node:path']);
  });
});
