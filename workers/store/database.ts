/** The access to D1. Only this file calls the driver, and it interprets the errors of the driver. */

import { PLATFORM, utf8Length } from '../../spec/bounds.ts';

export type Value = string | number | null;
export type Row = Record<string, Value>;

export interface Statement {
  sql: string;
  values: readonly (Value | undefined)[];
}

export interface Database {
  /** Returns the rows of one statement. */
  all<R>(statement: Statement): Promise<R[]>;
  /** Returns the first row, if any. */
  first<R>(statement: Statement): Promise<R | undefined>;
  /** Runs one guarded write. Returns true if its guard matched a row. */
  write(statement: Statement): Promise<boolean>;
  /** Runs all statements or none, in one round trip. Returns the rows of each statement. */
  batch(statements: readonly Statement[]): Promise<{ rows: Row[]; changes: number }[]>;
  /** Returns the same database with a shorter wait, for a caller that can continue without an answer. */
  within(waitMs: number): Database;
}

/** Returns the rows of one statement of a batch, with the type that the caller knows. */
export function rowsOf<R>(result: { rows: readonly unknown[] } | undefined): R[] {
  return (result?.rows ?? []) as R[];
}

/**
 * The error if the database cannot answer now. The client may send the same request again. It is unknown whether a write had
 * an effect, and it may still happen later. So every write has a guard for the values that it has read.
 */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
  /** True if no answer came at all. RPC keeps this field and the name of the error, but not its class. */
  readonly silent: boolean;

  constructor(message: string, { silent = false, cause }: { silent?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.silent = silent;
  }
}

/** The longest wait for one answer of D1. In public reports D1 was silent for 60 to 80 s, longer than clients wait. */
export const DATABASE_WAIT_MS = 5000;

/** The wait of a caller that can continue from memory without an answer. */
export const BRIEF_WAIT_MS = 1000;

/** Texts of D1's temporary failures (platform documentation, "Debug D1" and "Retry queries"). */
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

/**
 * Builds a statement or a part of a statement. A value becomes a parameter. A statement is inserted with its own parameters.
 * `undefined` is stored as NULL, because D1 refuses to bind it.
 */
export function sql(
  strings: TemplateStringsArray,
  ...parts: readonly (Value | undefined | Statement)[]
): Statement {
  const statements = parts.map((part) => (isStatement(part) ? part : { sql: '?', values: [part] }));
  return {
    sql: strings.map((text, index) => text + (statements[index]?.sql ?? '')).join(''),
    values: statements.flatMap((statement) => statement.values),
  };
}

function isStatement(part: Value | undefined | Statement): part is Statement {
  return typeof part === 'object' && part !== null;
}

/** SQL text without values, such as a list of columns, for use inside a statement. */
export function raw(text: string): Statement {
  return { sql: text, values: [] };
}

/** Joins statements, or parts of statements, with `separator`. */
export function join(parts: readonly Statement[], separator: string): Statement {
  return {
    sql: parts.map((part) => part.sql).join(separator),
    values: parts.flatMap((part) => part.values),
  };
}

/** A list of up to this many values is written into the statement, because D1 counts each value of a JSON array as a read row. */
const SHORT_LIST = 8;

/** A table with the column `value`, for a join with the rows that have one of these values. The values must differ. */
export function eachOf(values: readonly string[]): Statement {
  if (values.length === 0 || values.length > SHORT_LIST)
    return sql`(SELECT value FROM json_each(${JSON.stringify(values)}))`;
  return sql`(${join(
    values.map((value) => sql`SELECT ${value} AS value`),
    ' UNION ALL ',
  )})`;
}

/**
 * Opens the database for one request, alarm or cron run, which then waits for a silent D1 only once. `onRead` is called with
 * the number of rows that each statement has read, and the number of characters in its answer.
 */
export function openDatabase(d1: D1Database, onRead: OnRead = () => undefined): Database {
  return databaseOf(d1, { vainMs: 0, onRead }, DATABASE_WAIT_MS);
}

type OnRead = (read: { rows: number; characters: number }) => void;

/** Tracks for how long no answer has arrived. Any answer, even a late one, resets the time. */
interface Patience {
  vainMs: number;
  onRead: OnRead;
}

function databaseOf(d1: D1Database, patience: Patience, waitMs: number): Database {
  const bind = (statement: Statement) => {
    checkPlatform(statement);
    return d1.prepare(statement.sql).bind(...statement.values.map((value) => value ?? null));
  };
  const counted = <R>(result: D1Result<R>): D1Result<R> => {
    patience.onRead({ rows: result.meta.rows_read, characters: charactersOf(result.results) });
    return result;
  };
  const ask = <T>(send: () => Promise<T>) => guard(() => answerOf(send, patience, waitMs));
  const all = async <R>(statement: Statement) => counted(await ask(() => bind(statement).all<R>())).results;
  return {
    all,
    first: async <R>(statement: Statement) => (await all<R>(statement))[0],
    write: async (statement) => counted(await ask(() => bind(statement).run())).meta.changes > 0,
    batch: async (statements) =>
      (await ask(() => d1.batch<Row>(statements.map(bind)))).map((result) => {
        const { results, meta } = counted(result);
        return { rows: results, changes: meta.changes };
      }),
    within: (ms) => databaseOf(d1, patience, ms),
  };
}

function charactersOf(rows: readonly unknown[] = []): number {
  let characters = 0;
  for (const row of rows)
    for (const value of Object.values(row as Row)) if (typeof value === 'string') characters += value.length;
  return characters;
}

/** Returns the answer, or throws if none arrives in time. The statement may still have an effect. */
async function answerOf<T>(send: () => Promise<T>, patience: Patience, waitMs: number): Promise<T> {
  const left = waitMs - patience.vainMs;
  if (left <= 0) throw new DatabaseUnavailable('D1 has just not answered', { silent: true });
  const answer = send().then((value) => {
    patience.vainMs = 0;
    return value;
  });
  return inTime(answer, left, () => {
    patience.vainMs = Math.max(patience.vainMs, waitMs);
    throw new DatabaseUnavailable(`D1 did not answer within ${left} ms`, { silent: true });
  });
}

/** Throws for statements that are too large for D1. The local runtime would accept them. Such a statement is a bug. */
function checkPlatform({ sql: text, values }: Statement): void {
  if (values.length > PLATFORM.statementParameters || text.length > PLATFORM.statementTextBytes) {
    throw new Error(
      `a statement of ${text.length} characters with ${values.length} parameters is too large for D1`,
    );
  }
  const texts = values.filter((value) => typeof value === 'string');
  // A UTF-16 code unit has at most three bytes in UTF-8, so short values need not be measured.
  if (texts.reduce((sum, value) => sum + 3 * value.length, 0) <= PLATFORM.statementValueBytes) return;
  const bytes = texts.reduce((sum, value) => sum + utf8Length(value), 0);
  if (bytes > PLATFORM.statementValueBytes)
    throw new Error(`values of ${bytes} bytes are too large for a row of D1`);
}

async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (PASSING.some((text) => message.includes(text)))
      throw new DatabaseUnavailable(message, { cause: error });
    throw error;
  }
}

/**
 * Returns the result of `work`. If that takes longer than `waitMs`, calls `late` and returns its result. The work itself is
 * not stopped.
 */
export async function inTime<T>(work: Promise<T>, waitMs: number, late: () => T): Promise<T> {
  let stop = (): void => undefined;
  const timeout = new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, waitMs);
    stop = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    stop();
  }
}
