/** D1 with something around each trip: a pause, a count, a bad day. As much of D1 as the Worker uses. */

/** Runs one trip. `send` starts it. */
export type AroundTrip = <T>(send: () => Promise<T>) => Promise<T>;

/** The same database, with `around` around every trip. */
export function wrapDatabase(real: D1Database, around: AroundTrip): D1Database {
  const database = {
    prepare: (sql: string) => new WrappedStatement(real.prepare(sql), around),
    batch: (statements: WrappedStatement[]) => around(() => real.batch(statements.map(({ real }) => real))),
  };
  return database as unknown as D1Database;
}

class WrappedStatement {
  readonly real: D1PreparedStatement;
  readonly #around: AroundTrip;

  constructor(real: D1PreparedStatement, around: AroundTrip) {
    this.real = real;
    this.#around = around;
  }

  bind(...values: unknown[]): WrappedStatement {
    return new WrappedStatement(this.real.bind(...values), this.#around);
  }

  all(): Promise<unknown> {
    return this.#around(() => this.real.all());
  }

  run(): Promise<unknown> {
    return this.#around(() => this.real.run());
  }
}
