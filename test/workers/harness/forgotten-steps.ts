/** Names the step of docs/extending.md that was forgotten when a route or a column was added. */

import type { Endpoint } from '../../../spec/contract/endpoint.ts';

type Route = Pick<Endpoint, 'name' | 'method' | 'path' | 'errors'>;

export interface RouteFacts {
  /** By contract file: the rows that it exports. */
  declared: Readonly<Record<string, readonly Route[]>>;
  /** The rows of spec/contract/all-endpoints.ts. */
  listed: readonly Route[];
  /** `METHOD path` of everything below /api/cli, /api/auth and /api/admin. */
  mounted: readonly string[];
  /** The contract files whose refusals a test provokes, row by row. */
  refused: readonly string[];
}

const keyOf = ({ method, path }: Route) => `${method} ${path}`;

export function forgottenRouteSteps({ declared, listed, mounted, refused }: RouteFacts): string[] {
  const known = new Set(listed.map(({ name }) => name));
  const rows = Object.entries(declared);
  return [
    ...rows.flatMap(([file, own]) =>
      own
        .filter(({ name }) => !known.has(name))
        .map(
          ({ name }) =>
            `${name} of spec/contract/${file} is not in ROWS: add it to spec/contract/all-endpoints.ts.`,
        ),
    ),
    ...listed
      .filter((row) => !mounted.includes(keyOf(row)))
      .map((row) => `${row.name} (${keyOf(row)}) has no handler: mount it in a file of workers/routes.`),
    ...mounted
      .filter((key, at) => mounted.indexOf(key) !== at)
      .map((key) => `${key} is mounted twice: remove one of the handlers in workers/routes.`),
    ...mounted
      .filter((key) => !listed.some((row) => keyOf(row) === key))
      .map((key) => `${key} is mounted without a row: declare it in spec/contract.`),
    ...rows
      .filter(([file, own]) => own.some(({ errors }) => errors.length > 0) && !refused.includes(file))
      .map(
        ([file]) =>
          `No test provokes the refusals of spec/contract/${file}: add a table in test/workers/routes.`,
      ),
  ];
}

export interface ColumnFacts {
  table: string;
  /** Column names of the migrated database. */
  migrated: readonly string[];
  /** Property and column name in workers/store/schema.ts. */
  declared: readonly { property: string; column: string }[];
  /** The sources of the hosted side, without schema.ts. */
  sources: readonly string[];
}

export function forgottenColumnSteps({ table, migrated, declared, sources }: ColumnFacts): string[] {
  const columns = declared.map(({ column }) => column);
  const isNamed = (word: string) => sources.some((source) => new RegExp(`\\b${word}\\b`).test(source));
  return [
    ...columns
      .filter((column) => !migrated.includes(column))
      .map((column) => `${table}.${column} is in no migration: add the next file to migrations/.`),
    ...migrated
      .filter((column) => !columns.includes(column))
      .map((column) => `${table}.${column} has no type: add it to the table in workers/store/schema.ts.`),
    ...declared
      .filter(({ property, column }) => !isNamed(column) && !isNamed(property))
      .map(
        ({ property, column }) =>
          `Nothing writes or reads ${table}.${column}: name it in a statement of workers/store, and ${property} in a view or a service.`,
      ),
  ];
}
