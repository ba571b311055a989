/** Compares the fields that `orp` uses in two protocols. */

import { TABLES, type Table, USED } from './methods.ts';
import { type Field, parseTypes, printType, type Type } from './type-syntax.ts';

export interface Drift {
  method: string;
  /** The differences, one sentence each. */
  reasons: string[];
}

type Types = Map<string, Type>;

/**
 * Returns the methods of `ours` that are different or missing in `theirs`. Both have the form of the generated file. Fields
 * that `orp` does not use may change, unless the server requires a new field.
 */
export function findDrift(ours: string, theirs: string): Drift[] {
  const [mine, other] = [parseTypes(ours), parseTypes(theirs)];
  return (Object.keys(TABLES) as Table[]).flatMap((table) =>
    Object.entries(USED[table]).flatMap(([method, paths]) => {
      const reasons = reasonsOf([mine, other], { table, method, paths });
      return reasons.length > 0 ? [{ method, reasons }] : [];
    }),
  );
}

function reasonsOf(
  [mine, other]: [Types, Types],
  { table, method, paths }: { table: Table; method: string; paths: readonly string[] },
): string[] {
  const [before, after] = [methodOf(mine, table, method), methodOf(other, table, method)];
  if (after === undefined) return ['the method does not exist'];
  if (before === undefined) return ['the method is not in the generated file'];
  const reasons = paths.flatMap((path) => {
    const [steps = '', word] = path.split('=');
    const now = fieldsAt(after, steps, other);
    if (now.length === 0) return [`${steps} does not exist`];
    if (word !== undefined) return hasWord(now, word, other) ? [] : [`${steps} is never ${word}`];
    const [was, is] = [printFields(fieldsAt(before, steps, mine)), printFields(now)];
    return was === is ? [] : [`${steps} was ${was || 'absent'} and is ${is}`];
  });
  if (table !== 'ClientMethods') return reasons;
  const known = requiredParams(before, mine);
  const added = [...requiredParams(after, other)].filter((name) => !known.has(name));
  return [...reasons, ...added.map((name) => `params.${name} is now required`)];
}

function methodOf(types: Types, table: Table, method: string): Type | undefined {
  const type = types.get(table);
  return type?.kind === 'object' ? type.fields.get(method)?.type : undefined;
}

function fieldsAt(type: Type, path: string, types: Types): Field[] {
  let fields: Field[] = [{ type, isOptional: false }];
  for (const step of path.split('.')) {
    fields = fields
      .flatMap((field) => objectsOf(field.type, types))
      .flatMap((object) => object.get(step) ?? []);
  }
  return fields;
}

function objectsOf(type: Type, types: Types): Map<string, Field>[] {
  return partsOf(type, types).flatMap((part) => (part.kind === 'object' ? [part.fields] : []));
}

function hasWord(fields: Field[], word: string, types: Types): boolean {
  return fields.some(({ type }) =>
    partsOf(type, types).some((part) => part.kind === 'word' && part.word === word),
  );
}

/** The type without its names, arrays and unions. */
function partsOf(type: Type, types: Types, seen: readonly string[] = []): Type[] {
  if (type.kind === 'any-of') return type.parts.flatMap((part) => partsOf(part, types, seen));
  if (type.kind !== 'name') return [type];
  if (type.name === 'Array') return type.args.flatMap((part) => partsOf(part, types, seen));
  const named = types.get(type.name);
  if (named === undefined || seen.includes(type.name)) return [type];
  return partsOf(named, types, [...seen, type.name]);
}

function printFields(fields: Field[]): string {
  const texts = fields.map(({ type, isOptional }) => `${printType(type)}${isOptional ? ' (optional)' : ''}`);
  return [...new Set(texts)].sort().join(' or ');
}

function requiredParams(method: Type, types: Types): Set<string> {
  const objects = fieldsAt(method, 'params', types).flatMap(({ type }) => objectsOf(type, types));
  return new Set(
    objects.flatMap((object) => [...object].flatMap(([name, field]) => (field.isOptional ? [] : [name]))),
  );
}
