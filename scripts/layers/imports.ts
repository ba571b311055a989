/** Reads the imports of every file, including types and dynamic imports. */

import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** One import. Paths are relative to the project, with `/`. */
export interface Import {
  from: string;
  /** A file of the project, or the name of a package. */
  to: string;
  isPackage: boolean;
  isType: boolean;
}

export interface SourceFile {
  path: string;
  lines: number;
}

export interface Sources {
  files: SourceFile[];
  imports: Import[];
}

/** Reads all TypeScript files of the programs below `root`, except generated declarations. */
export function readSources(root: string, programs: readonly string[]): Sources {
  const files: SourceFile[] = [];
  const imports: Import[] = [];
  for (const program of programs) {
    for (const path of globSync(`${program}/**/*.{ts,tsx}`, { cwd: root }).sort()) {
      if (path.endsWith('.d.ts')) continue;
      const text = readFileSync(join(root, path), 'utf8');
      files.push({ path, lines: text.split('\n').length - 1 });
      imports.push(...importsOf(path, text));
    }
  }
  return { files, imports };
}

/** The imports of one file. */
export function importsOf(path: string, text: string): Import[] {
  const { module, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} cannot be parsed: ${error.message}`);
  const add = (specifier: string, isType: boolean): Import => ({
    from: path,
    to: specifier.startsWith('.') ? join(dirname(path), specifier) : packageOf(specifier),
    isPackage: !specifier.startsWith('.'),
    isType,
  });
  return [
    ...module.staticImports.map(({ moduleRequest, entries }) =>
      add(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType)),
    ),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null ? [] : [add(moduleRequest.value, isType)],
      ),
    ),
    // The parser returns the position of the import's text with its quotes. Computed names are ignored.
    ...module.dynamicImports
      .map(({ moduleRequest: { start, end } }) => text.slice(start, end))
      .filter((written) => /^(['"]).*\1$/.test(written))
      .map((written) => add(written.slice(1, -1), false)),
  ];
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:') || specifier.startsWith('cloudflare:')) return specifier;
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
