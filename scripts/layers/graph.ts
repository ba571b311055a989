/** Circles and chains in a graph of imports. Pure. */

import { dirname } from 'node:path';
import type { Import } from './imports.ts';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

function graphOf(edges: readonly (readonly [string, string])[]): Graph {
  const graph = new Map<string, Set<string>>();
  for (const [from, to] of edges) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  return graph;
}

/** Groups of nodes that reach each other, with more than one member (Tarjan). */
function circles(graph: Graph): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): number => {
    const at = index.size;
    index.set(node, at);
    let lowest = at;
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, index.get(next) ?? at);
    }
    low.set(node, lowest);
    if (lowest === at) {
      const circle = stack.splice(stack.indexOf(node));
      if (circle.length > 1) found.push(circle.sort());
    }
    return lowest;
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

function ownEdges(imports: readonly Import[]): [string, string][] {
  return imports.filter(({ isPackage }) => !isPackage).map(({ from, to }) => [from, to]);
}

/** Files that import each other in a circle, including imports of types. */
export function cyclesOf(imports: readonly Import[]): string[][] {
  return circles(graphOf(ownEdges(imports)));
}

/** Folders that import each other in a circle. */
export function folderCyclesOf(imports: readonly Import[]): string[][] {
  const edges = ownEdges(imports).map(([from, to]): [string, string] => [dirname(from), dirname(to)]);
  return circles(graphOf(edges.filter(([from, to]) => from !== to)));
}

/** The longest chain of imports. Imports of types do not count, because they do not exist at run time. */
export function longestChain(imports: readonly Import[]): string[] {
  const graph = graphOf(ownEdges(imports.filter(({ isType }) => !isType)));
  const known = new Map<string, string[]>();
  const from = (file: string): string[] => {
    const before = known.get(file);
    if (before !== undefined) return before;
    known.set(file, [file]);
    const rest = [...(graph.get(file) ?? [])].map(from);
    const longest = rest.reduce<string[]>((best, chain) => (chain.length > best.length ? chain : best), []);
    const chain = [file, ...longest];
    known.set(file, chain);
    return chain;
  };
  return [...graph.keys()].map(from).reduce((best, chain) => (chain.length > best.length ? chain : best), []);
}
