/** Declares tables: the types of their rows and the lists of their columns. */

import type { UserId } from '../../spec/ids.ts';

/** A column whose values have the type `Value`. A column is nullable until `notNull` or `primaryKey` says otherwise. */
export class Column<Value> {
  readonly name: string;
  readonly type: 'TEXT' | 'INTEGER';
  readonly isNullable: boolean;
  /** True if the column alone is the primary key. */
  readonly isKey: boolean;
  /** Only a type: a column holds no value. */
  declare readonly value: Value;

  constructor({ name, type, isNullable = true, isKey = false }: ColumnFacts) {
    this.name = name;
    this.type = type;
    this.isNullable = isNullable;
    this.isKey = isKey;
  }

  notNull(): Column<NonNullable<Value>> {
    return new Column({ ...this, isNullable: false });
  }

  primaryKey(): Column<NonNullable<Value>> {
    return new Column({ ...this, isNullable: false, isKey: true });
  }
}

interface ColumnFacts {
  name: string;
  type: 'TEXT' | 'INTEGER';
  isNullable?: boolean;
  isKey?: boolean;
}

type Columns = Readonly<Record<string, Column<unknown>>>;

export class Table<Fields extends Columns = Columns> {
  readonly name: string;
  /** The columns by the names of their fields. */
  readonly columns: Fields;
  /** The fields of the primary key. */
  readonly key: readonly string[];

  constructor(name: string, columns: Fields, key: readonly (keyof Fields & string)[] = []) {
    this.name = name;
    this.columns = columns;
    this.key = key.length > 0 ? key : Object.keys(columns).filter((field) => columns[field]?.isKey);
  }
}

/** The row of a table, as `selectList` reads it. */
export type RowOf<Of extends Table> = { [Field in keyof Of['columns']]: Of['columns'][Field]['value'] };

export function text<Value extends string = string>(name: string): Column<Value | null> {
  return new Column({ name, type: 'TEXT' });
}

export function integer(name: string): Column<number | null> {
  return new Column({ name, type: 'INTEGER' });
}

/** The account of a row. */
export function ownerId(): Column<UserId> {
  return text<UserId>('user_id').notNull();
}

/** `column AS field` for every field of `table` that is not omitted. `prefix` names the table in a join. */
export function selectList(
  { columns }: Table,
  { without = [], prefix = '' }: { without?: readonly string[]; prefix?: string } = {},
): string {
  return Object.entries(columns)
    .filter(([field]) => !without.includes(field))
    .map(([field, { name }]) => `${prefix}${name} AS ${field}`)
    .join(', ');
}
