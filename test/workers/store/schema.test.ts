import { env } from 'cloudflare:workers';
import { getTableColumns, getTableName } from 'drizzle-orm';
import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import { describe, expect, it } from 'vitest';
import * as schema from '../../../workers/store/schema.ts';

const TABLES = Object.values(schema).filter((one): one is typeof one & SQLiteTable => !Array.isArray(one));

async function rows<Row>(sql: string): Promise<Row[]> {
  return (await env.DB.prepare(sql).all<Row>()).results;
}

describe('the schema and the migrations', () => {
  it('know the same tables', async () => {
    const tables = await rows<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations'",
    );
    expect(tables.map((table) => table.name).sort()).toEqual(
      TABLES.map((table) => getTableName(table)).sort(),
    );
  });

  it.each(TABLES.map((table) => ({ name: getTableName(table), table })))(
    'give $name the same columns, types, keys and NULLs',
    async ({ name, table }) => {
      const inDatabase = await rows<{ name: string; type: string; notnull: number; pk: number }>(
        `SELECT name, type, "notnull", pk FROM pragma_table_info('${name}')`,
      );
      const keys = getTableConfig(table).primaryKeys.flatMap((key) =>
        key.columns.map((column) => column.name),
      );
      const inSchema = Object.values(getTableColumns(table)).map((column) => ({
        name: column.name,
        type: column.getSQLType().toUpperCase(),
        isKey: column.primary || keys.includes(column.name),
        isNullable: !column.notNull && !column.primary,
      }));
      expect(
        inDatabase
          .map((column) => ({
            name: column.name,
            type: column.type,
            isKey: column.pk > 0,
            isNullable: column.notnull === 0 && column.pk === 0,
          }))
          .sort(byName),
      ).toEqual(inSchema.sort(byName));
    },
  );

  it('key every table by text without a row id, so that an insert writes one row', async () => {
    const tables = await rows<{ name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name <> 'd1_migrations'",
    );
    for (const { name, sql } of tables) expect(sql, name).toMatch(/WITHOUT ROWID\s*$/);
  });
});

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
