import { describe, expect, it } from 'vitest';
import { longestChain } from '../../scripts/layers/graph.ts';
import { importsOf, readSources } from '../../scripts/layers/imports.ts';
import { layerProblems } from '../../scripts/layers/problems.ts';
import { measure, PROGRAM_NAMES } from '../../scripts/layers/report.ts';
import { projectPath } from '../../scripts/local/project-path.ts';

/** The problems of files that are given by their texts. */
function problemsOf(texts: Record<string, string>): string[] {
  const files = Object.keys(texts).map((path) => ({ path, lines: 1 }));
  return layerProblems({
    files,
    imports: Object.entries(texts).flatMap(([path, text]) => importsOf(path, text)),
  });
}

describe('an import', () => {
  it.each([
    ['cli/output/a.ts', "import { b } from '../records/b.ts';", 'cli/records/ is not below cli/output/'],
    ['cli/output/a.ts', "import type { B } from '../records/b.ts';", 'cli/records/ is not below cli/output/'],
    ['cli/output/a.ts', "await import('../records/b.ts');", 'cli/records/ is not below cli/output/'],
    ['cli/output/a.ts', "export { b } from '../records/b.ts';", 'cli/records/ is not below cli/output/'],
    ['cli/output/a.ts', "import '../records/sessions/b.ts';", 'is not below cli/output/'],
    ['workers/store/a.ts', "import { b } from '../jobs/b.ts';", 'workers/jobs/ is not below workers/store/'],
    [
      'workers/jobs/a.ts',
      "import { B } from '../objects/b.ts';",
      'workers/objects/ is not below workers/jobs/',
    ],
    ['workers/app.ts', "import { b } from '../cli/main.ts';", 'workers/ imports workers/ and spec/ only'],
    [
      'cli/runner/job/a.ts',
      "import { b } from '../../../workers/app.ts';",
      'cli/ imports cli/ and spec/ only',
    ],
    ['spec/job/a.ts', "import { b } from '../../workers/app.ts';", 'spec/ imports spec/ only'],
    ['spec/job/a.ts', "import { b } from 'node:fs';", 'imports node:fs: this folder imports zod only'],
    ['spec/job/a.ts', "import { b } from 'hono';", 'imports hono: this folder imports zod only'],
    ['workers/store/a.ts', "import { b } from 'hono';", 'this folder imports no package only'],
    ['workers/jobs/a.ts', "import { b } from 'zod/mini';", 'this folder imports no package only'],
    ['workers/objects/a.ts', "import { b } from 'hono/tiny';", 'this folder imports cloudflare:workers only'],
    ['workers/routes/a.ts', "import { b } from 'commander/esm.mjs';", 'this folder imports hono, zod only'],
    ['cli/base/a.ts', "import { b } from 'hono/client';", 'imports hono: this folder imports node:'],
  ])('of %s, %s, is refused with both names and the rule', (path, text, sentence) => {
    const [problem, ...others] = problemsOf({ [path]: text });
    expect(problem).toContain(sentence);
    expect(problem).toContain(path);
    expect(others).toEqual([]);
  });

  it.each([
    ['cli/commands/a.ts', "import { b } from '../base/b.ts';"],
    ['cli/base/a.ts', "import { b } from './b.ts'; import { c } from 'node:fs';"],
    ['workers/routes/a.ts', "import { b } from 'hono/cookie';"],
    ['workers/jobs/a.ts', "import { b } from '../../spec/job/b.ts'; // import { c } from '../objects/c.ts'"],
  ])('of %s, %s, is allowed', (path, text) => {
    expect(problemsOf({ [path]: text })).toEqual([]);
  });
});

it('files that import each other in a circle are named, types included', () => {
  const texts = {
    'cli/base/a.ts': "import type { B } from './b.ts';",
    'cli/base/b.ts': "import { c } from './c.ts';",
    'cli/base/c.ts': "import { a } from './a.ts';",
  };
  expect(problemsOf(texts)).toEqual([
    'cli/base/a.ts and cli/base/b.ts and cli/base/c.ts import each other in a circle; move what they share to a lower floor.',
  ]);
});

it('a folder without a floor and a folder with too many files are named', () => {
  expect(problemsOf({ 'cli/attic/a.ts': '' })).toEqual([
    'cli/attic/ is not in the table of floors; add it in scripts/layers/floors.ts.',
  ]);
  const many = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`cli/base/f${at}.ts`, '']));
  expect(problemsOf(many)).toEqual(['cli/base/ holds 13 files; at most 12. Split it by subject.']);
});

it('the longest chain is counted without types', () => {
  const imports = [
    ...importsOf('cli/a.ts', "import { b } from './b.ts'; import type { D } from './d.ts';"),
    ...importsOf('cli/b.ts', "import { c } from './c.ts';"),
  ];
  expect(longestChain(imports)).toEqual(['cli/a.ts', 'cli/b.ts', 'cli/c.ts']);
});

it('every property of the structure holds', () => {
  const properties = measure(readSources(projectPath('.'), PROGRAM_NAMES));
  const missed = properties.filter(({ value, target }) => Number(value) > Number(target));
  expect(missed.map(({ name, value, target }) => `${name}: ${value}, at most ${target}`)).toEqual([]);
});
