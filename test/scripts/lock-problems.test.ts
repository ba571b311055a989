import { describe, expect, it } from 'vitest';
import { folderProblems, lockProblems, type Packages } from '../../scripts/local/lock-problems.ts';

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
      'links out of the repository to a folder that it lists',
      { 'node_modules/b': { link: true, resolved: '../b' }, '../b': { version: '1.0.0' } },
      'node_modules/b links to ../b',
    ],
    ...['git@host.example:mira/a.git', 'gist:11081aaa281', 'file:../a.tgz', 'file:/tmp/a'].map(
      (wanted): [string, Packages, string] => [
        `takes a package from ${wanted}`,
        { 'node_modules/b': { version: '1.0.0', integrity, dependencies: { a: wanted } } },
        `node_modules/b takes a from ${wanted}`,
      ],
    ),
    [
      'takes a tool from git',
      { '': { devDependencies: { a: 'git+ssh://git@host.example/a.git' } } },
      'package.json takes a from git+ssh://git@host.example/a.git',
    ],
    [
      'lacks a tool',
      { '': { devDependencies: { c: '1.0.0' } } },
      'package.json needs c@1.0.0, which is not there',
    ],
    [
      'has another package under a name that may run a script',
      { 'node_modules/esbuild': { name: 'other', version: '1.0.0', integrity, hasInstallScript: true } },
      'node_modules/esbuild runs a script when it is installed',
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
      'has another package than the one that takes a name',
      { 'node_modules/b': { version: '1.0.0', integrity, dependencies: { a: 'npm:other@1.0.0' } } },
      'node_modules/b needs a@npm:other@1.0.0, which is not there',
    ],
    [
      'has another package in the place of one',
      { 'node_modules/a-darwin': { name: 'other', version: '1.0.0', integrity } },
      'node_modules/a needs a-darwin@1.0.0, which is not there',
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
      '': { dependencies: { a: '1.0.0' }, devDependencies: { own: 'file:scripts/own' } },
    };
    expect(problemsWith(own)).toEqual([]);
  });
});

describe('a folder', () => {
  const locks = new Map<string, Packages>([
    ['package-lock.json', { '': {}, 'scripts/own': {} }],
    ['test/tool/package-lock.json', { '': {} }],
  ]);

  it('is locked by the file beside it, or as a part of the project', () => {
    const files = ['package.json', 'scripts/own/package.json', 'test/tool/package.json', ...locks.keys()];
    expect(folderProblems(files, locks)).toEqual([]);
  });

  it.each([
    ['test/other/package.json', 'test/other/package.json has no lock file'],
    ['test/tool/inner/package.json', 'test/tool/inner/package.json has no lock file'],
    ['npm-shrinkwrap.json', 'npm-shrinkwrap.json takes the place of package-lock.json'],
    ['test/tool/yarn.lock', 'test/tool/yarn.lock takes the place of package-lock.json'],
  ])('is refused with %s', (file, problem) => {
    expect(folderProblems([file], locks)).toEqual([problem]);
  });

  it('is refused when its lock file is of an old version, which lists no packages', () => {
    expect(folderProblems(['package.json'], new Map([['package-lock.json', {}]]))).toEqual([
      'package.json has no lock file',
    ]);
  });
});
