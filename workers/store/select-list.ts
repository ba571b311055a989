/** Builds lists of columns for SQL statements from the schema, so that every field arrives under its own name. */

import { getTableColumns } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

/** `column AS field` for every field of `table` that is not omitted. `prefix` names the table in a join. */
export function selectList(
  table: SQLiteTable,
  { without = [], prefix = '' }: { without?: readonly string[]; prefix?: string } = {},
): string {
  return Object.entries(getTableColumns(table))
    .filter(([field]) => !without.includes(field))
    .map(([field, column]) => `${prefix}${column.name} AS ${field}`)
    .join(', ');
}
