/** Measures the properties of the structure that `docs/development.md` promises. Pure. */

import { dirname } from 'node:path';
import { FOLDER_LIMIT, LARGE_FOLDERS, PROGRAMS } from './floors.ts';
import { cyclesOf, folderCyclesOf, longestChain } from './graph.ts';
import type { Import, Sources } from './imports.ts';

/** A file with at most this many lines and only one importer could be a part of its importer. */
const SLIVER_LINES = 60;

export interface Property {
  name: string;
  value: string;
  target: string;
  /** The files or chains behind the value, one per line. */
  details: string[];
}

export function measure(sources: Sources): Property[] {
  return [
    circlesIn('folders that import each other in a circle', folderCyclesOf(sources.imports)),
    circlesIn('files that import each other in a circle, types included', cyclesOf(sources.imports)),
    largestFolder(sources),
    chain(sources, 'cli', 13),
    chain(sources, 'workers', 11),
    slivers(sources),
  ];
}

function circlesIn(name: string, found: string[][]): Property {
  return {
    name,
    value: String(found.length),
    target: '0',
    details: found.map((circle) => circle.join(', ')),
  };
}

function largestFolder({ files }: Sources): Property {
  const sizes = [...Map.groupBy(files, ({ path }) => dirname(path))]
    .map(([folder, { length }]): [string, number] => [folder, length])
    .filter(([folder]) => !LARGE_FOLDERS.includes(folder))
    .sort(([, one], [, other]) => other - one);
  return {
    name: `files in the largest folder (besides ${LARGE_FOLDERS.join(' and ')})`,
    value: String(sizes[0]?.[1] ?? 0),
    target: String(FOLDER_LIMIT),
    details: sizes.slice(0, 5).map(([folder, size]) => `${size} ${folder}`),
  };
}

/** The longest chain of imports within one program, counted in files. */
function chain({ imports }: Sources, program: string, target: number): Property {
  const own = imports.filter(({ from, to }) => [from, to].every((path) => path.startsWith(`${program}/`)));
  const longest = longestChain(own);
  return {
    name: `steps in the longest chain of imports of ${program}`,
    value: String(Math.max(0, longest.length - 1)),
    target: String(target),
    details: longest,
  };
}

function slivers({ files, imports }: Sources): Property {
  const importers = importersOf(imports);
  const found = files.filter(({ path, lines }) => lines <= SLIVER_LINES && importers.get(path)?.size === 1);
  return {
    name: `files of at most ${SLIVER_LINES} lines that one file imports`,
    value: String(found.length),
    target: '25',
    details: found.map(({ path, lines }) => `${lines} ${path} (${[...(importers.get(path) ?? [])][0]})`),
  };
}

function importersOf(imports: readonly Import[]): Map<string, Set<string>> {
  const importers = new Map<string, Set<string>>();
  for (const { from, to } of imports) importers.set(to, (importers.get(to) ?? new Set()).add(from));
  return importers;
}

export const PROGRAM_NAMES = Object.keys(PROGRAMS);
