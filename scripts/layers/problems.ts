/** Finds problems with the imports and folders of the programs, one sentence each. Pure. */

import { dirname } from 'node:path';
import { FOLDER_LIMIT, LARGE_FOLDERS, PROGRAMS, type Program } from './floors.ts';
import { cyclesOf } from './graph.ts';
import type { Import, Sources } from './imports.ts';

export function layerProblems({ files, imports }: Sources): string[] {
  return [
    ...homeless(files.map(({ path }) => path)),
    ...imports.flatMap(problemOf),
    ...cyclesOf(imports).map(
      (cycle) =>
        `${cycle.join(' and ')} import each other in a circle; move what they share to a lower floor.`,
    ),
    ...overfull(files.map(({ path }) => path)),
  ];
}

function programOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}

function floorOf(program: Program, path: string): number {
  return program.floors.findIndex((folders) => folders.includes(dirname(path)));
}

function homeless(paths: readonly string[]): string[] {
  const folders = new Set(
    paths.filter((path) => floorOf(programAt(path), path) < 0).map((path) => dirname(path)),
  );
  return [...folders].map(
    (folder) => `${folder}/ is not in the table of floors; add it in scripts/layers/floors.ts.`,
  );
}

function programAt(path: string): Program {
  const program = PROGRAMS[programOf(path)];
  if (program === undefined) throw new Error(`${path} belongs to no program`);
  return program;
}

function problemOf(found: Import): string[] {
  const program = programAt(found.from);
  if (found.isPackage) return isAllowed(program, found) ? [] : [foreignPackage(program, found)];
  const [own, other] = [programOf(found.from), programOf(found.to)];
  if (own !== other) {
    if (program.mayImport.includes(other)) return [];
    const allowed = [own, ...program.mayImport].map((name) => `${name}/`).join(' and ');
    return [`${found.from} imports ${found.to}: ${own}/ imports ${allowed} only.`];
  }
  const [from, to] = [dirname(found.from), dirname(found.to)];
  if (from === to || floorOf(program, found.to) < floorOf(program, found.from)) return [];
  return [`${found.from} imports ${found.to}: ${to}/ is not below ${from}/. Imports only point down.`];
}

function packagesFor(program: Program, path: string): readonly string[] {
  const prefixes = Object.keys(program.packages).filter(
    (prefix) => path === prefix || path.startsWith(`${prefix}/`),
  );
  const [longest = ''] = prefixes.sort((one, other) => other.length - one.length);
  return program.packages[longest] ?? [];
}

function isAllowed(program: Program, { from, to }: Import): boolean {
  return packagesFor(program, from).some((name) => (name.endsWith(':') ? to.startsWith(name) : to === name));
}

function foreignPackage(program: Program, { from, to }: Import): string {
  return `${from} imports ${to}: this folder imports ${packagesFor(program, from).join(', ') || 'no package'} only.`;
}

function overfull(paths: readonly string[]): string[] {
  return [...Map.groupBy(paths, (path) => dirname(path))]
    .filter(([folder, { length }]) => length > FOLDER_LIMIT && !LARGE_FOLDERS.includes(folder))
    .map(
      ([folder, { length }]) =>
        `${folder}/ holds ${length} files; at most ${FOLDER_LIMIT}. Split it by subject.`,
    );
}
