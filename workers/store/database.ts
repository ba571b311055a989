/** D1 behind three verbs. The only file that talks to the driver; it also says what its errors mean. */

import { PLATFORM, utf8Length } from '../../spec/bounds.ts';

export type Value = string | number | null;
export type Row = Record<string, Value>;

export interface Statement {
  sql: string;
  values: readonly (Value | undefined)[];
}

export interface Database {
  /** Rows of one statement. */
  all<R>(statement: Statement): Promise<R[]>;
  /** The first row, if any. */
  first<R>(statement: Statement): Promise<R | undefined>;
  /** Runs one guarded write; true when its guard matched a row. */
  write(statement: Statement): Promise<boolean>;
  /** All or nothing, in one round trip; the rows of each statement. */
  batch(statements: readonly Statement[]): Promise<{ rows: Row[]; changes: number }[]>;
}

/** The rows of one statement of a batch, as its columns are known to whoever wrote it. */
export function rowsOf<R>(result: { rows: readonly unknown[] } | undefined): R[] {
  return (result?.rows ?? []) as R[];
}

/** The database cannot answer now; the same request may be sent again. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

/** Texts of D1's passing failures (platform documentation, "Debug D1" and "Retry queries"). */
const PASSING = [
  'Network connection lost',
  'storage caused object to be reset',
  'reset because its code was updated',
  'transient issue',
  'starting up D1 DB storage',
  'client disconnected',
  'overloaded',
  'Too many requests queued',
  'exceeded timeout',
];

/** Builds a statement. `undefined` is stored as NULL: D1 refuses to bind it. */
export function sql(strings: TemplateStringsArray, ...values: readonly (Value | undefined)[]): Statement {
  return { sql: strings.join('?'), values };
}

/** `onRows` hears how many rows each statement read. */
export function openDatabase(d1: D1Database, onRows: (rows: number) => void = () => undefined): Database {
  const bind = (statement: Statement) => {
    checkPlatform(statement);
    return d1.prepare(statement.sql).bind(...statement.values.map((value) => value ?? null));
  };
  const counted = <R>(result: D1Result<R>): D1Result<R> => {
    onRows(result.meta.rows_read);
    return result;
  };
  return {
    all: async <R>(statement: Statement) => counted(await guard(bind(statement).all<R>())).results,
    first: async <R>(statement: Statement) => counted(await guard(bind(statement).all<R>())).results[0],
    write: async (statement) => counted(await guard(bind(statement).run())).meta.changes > 0,
    batch: async (statements) =>
      (await guard(d1.batch<Row>(statements.map(bind)))).map((result) => {
        const { results, meta } = counted(result);
        return { rows: results, changes: meta.changes };
      }),
  };
}

/** D1 refuses larger statements; the local runtime takes them. They are a mistake of ours: every bound above is smaller. */
function checkPlatform({ sql: text, values }: Statement): void {
  if (values.length > PLATFORM.statementParameters || text.length > PLATFORM.statementTextBytes) {
    throw new Error(
      `a statement of ${text.length} characters with ${values.length} parameters is too large for D1`,
    );
  }
  const texts = values.filter((value) => typeof value === 'string');
  // A code unit has three bytes at most: short values need not be measured.
  if (texts.reduce((sum, value) => sum + 3 * value.length, 0) <= PLATFORM.statementValueBytes) return;
  const bytes = texts.reduce((sum, value) => sum + utf8Length(value), 0);
  if (bytes > PLATFORM.statementValueBytes)
    throw new Error(`values of ${bytes} bytes are too large for a row of D1`);
}

async function guard<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (PASSING.some((text) => message.includes(text)))
      throw new DatabaseUnavailable(message, { cause: error });
    throw error;
  }
}
