import { describe, expect, it } from 'vitest';
import { lockProblems, type Packages } from '../../scripts/local/lock-problems.ts';

const integrity = `sha512-${'A'.repeat(86)}==`;
const sound: Packages = {
  '': { dependencies: { a: '1.0.0' } },
  'node_modules/a': { version: '1.0.0', integrity, optionalDependencies: { 'a-darwin': '1.0.0' } },
  'node_modules/a-darwin': { version: '1.0.0', integrity },
};

function problemsWith(changes: Packages): string[] {
  return lockProblems({ ...sound, ...changes }, new Set(['esbuild']));
}

describe('a lock file', () => {
  it('is sound when every package has its hash', () => {
    expect(problemsWith({})).toEqual([]);
  });

  it.each<[string, Packages, string]>([
    [
      'lacks the hash of another platform',
      { 'node_modules/a-darwin': { version: '1.0.0' } },
      'node_modules/a-darwin has no integrity hash',
    ],
    [
      'has a weak hash',
      { 'node_modules/a-darwin': { version: '1.0.0', integrity: 'sha1-AAAA' } },
      'node_modules/a-darwin has no integrity hash',
    ],
    [
      'names a registry',
      {
        'node_modules/a-darwin': { version: '1.0.0', integrity, resolved: 'https://registry.example/a.tgz' },
      },
      'node_modules/a-darwin names a source: https://registry.example/a.tgz',
    ],
    [
      'takes a package from git',
      {
        'node_modules/b': {
          version: '1.0.0',
          integrity,
          dependencies: { a: 'git+https://host.example/a.git' },
        },
      },
      'node_modules/b takes a from git+https://host.example/a.git',
    ],
    [
      'takes a package from a forge',
      { 'node_modules/b': { version: '1.0.0', integrity, dependencies: { a: 'mira/a' } } },
      'node_modules/b takes a from mira/a',
    ],
    [
      'links out of the repository',
      { 'node_modules/b': { link: true, resolved: '../b' } },
      'node_modules/b links to ../b',
    ],
    [
      'lets a package run a script',
      { 'node_modules/b': { version: '1.0.0', integrity, hasInstallScript: true } },
      'node_modules/b runs a script when it is installed',
    ],
    [
      'lacks a package',
      { 'node_modules/b': { version: '1.0.0', integrity, dependencies: { c: '^1.0.0' } } },
      'node_modules/b needs c@^1.0.0, which is not there',
    ],
    [
      'has a package in another version',
      { 'node_modules/a-darwin': { version: '1.0.1', integrity } },
      'node_modules/a needs a-darwin@1.0.0, which is not there',
    ],
  ])('is refused when it %s', (_name, changes, problem) => {
    expect(problemsWith(changes)).toEqual([problem]);
  });

  it('may let a package that package.json names run its script, and link to its own folders', () => {
    const own: Packages = {
      'node_modules/esbuild': { version: '1.0.0', integrity, hasInstallScript: true },
      'node_modules/own': { link: true, resolved: 'scripts/own' },
      'scripts/own': { version: '1.0.0' },
    };
    expect(problemsWith(own)).toEqual([]);
  });
});
