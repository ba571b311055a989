/**
 * Listens to every statement that Worker and objects send to D1 and to their own SQLite, whoever sends it: counts what the
 * platform would bill, and lets a test break a chosen statement before or after it took effect.
 */

import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** What the platform bills for. */
export interface Bill {
  /** Rows written in D1. */
  written: number;
  /** Rows read in D1. */
  read: number;
  /** Round trips to D1. */
  trips: number;
  /** Rows written in objects, alarms included. */
  objectWritten: number;
  alarms: number;
}

interface Tap {
  bill: Bill;
  cursors: { rowsWritten: number }[];
}

/** Breaks round trips to D1. Throwing in `before`: nothing happened. In `after`: it took effect and nobody was told. */
export interface Fault {
  /** Holds a round trip back until the promise is fulfilled: D1 is silent. Fulfilled later, it takes effect late. */
  hold?(sql: string): Promise<void> | undefined;
  before?(sql: string): void;
  after?(sql: string): void;
  /** Runs after a round trip and before its caller goes on: what happens here happens between reading and writing. */
  pauseAfterRead?(sql: string): Promise<void> | undefined;
}

const taps = new Set<Tap>();
const faults = new Set<Fault>();

interface Meta {
  meta?: { rows_written?: number; rows_read?: number };
}
type Send = (this: unknown, ...args: unknown[]) => Promise<unknown>;

function tapped(original: Send, sqlOf: (self: unknown, args: unknown[]) => string): Send {
  return async function tappedSend(...args) {
    const sql = sqlOf(this, args);
    for (const fault of faults) await fault.hold?.(sql);
    for (const fault of faults) fault.before?.(sql);
    const result = await original.apply(this, args);
    for (const { meta } of [result].flat() as Meta[]) {
      for (const { bill } of taps) {
        bill.written += meta?.rows_written ?? 0;
        bill.read += meta?.rows_read ?? 0;
      }
    }
    for (const { bill } of taps) bill.trips += 1;
    for (const fault of faults) fault.after?.(sql);
    for (const fault of faults) await fault.pauseAfterRead?.(sql);
    return result;
  };
}

function tapDatabase(): void {
  const texts = new WeakMap<object, string>();
  const textOf = (statement: unknown): string => texts.get(statement as object) ?? '';
  const database = Object.getPrototypeOf(env.DB) as Record<string, Send> & { prepare: D1Database['prepare'] };
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as Record<string, Send> & {
    bind: D1PreparedStatement['bind'];
  };
  const { prepare } = database;
  const { bind } = statement;
  database.prepare = function tappedPrepare(this: D1Database, sql) {
    const prepared = prepare.call(this, sql);
    texts.set(prepared, sql);
    return prepared;
  };
  statement.bind = function tappedBind(this: D1PreparedStatement, ...values) {
    const bound = bind.apply(this, values);
    texts.set(bound, textOf(this));
    return bound;
  };
  for (const verb of ['run', 'all'] as const) {
    statement[verb] = tapped(statement[verb] as Send, textOf);
  }
  database.batch = tapped(database.batch as Send, (_, [statements]) =>
    (statements as unknown[]).map(textOf).join(';\n'),
  );
}

async function tapObjects(): Promise<void> {
  const probe = env.RUNNER_MACHINE.getByName('tap');
  await runInDurableObject(probe, (_, { storage }) => {
    const sql = Object.getPrototypeOf(storage.sql) as Pick<SqlStorage, 'exec'>;
    const { exec } = sql;
    sql.exec = function tappedExec(this: SqlStorage, ...args: Parameters<SqlStorage['exec']>) {
      const cursor = exec.apply(this, args);
      for (const { cursors } of taps) cursors.push(cursor);
      return cursor;
    } as SqlStorage['exec'];
    const store = Object.getPrototypeOf(storage) as Pick<DurableObjectStorage, 'setAlarm'>;
    const { setAlarm } = store;
    store.setAlarm = function tappedSetAlarm(this: DurableObjectStorage, ...args) {
      for (const { bill } of taps) bill.alarms += 1;
      return setAlarm.apply(this, args);
    };
  });
}

tapDatabase();
await tapObjects();

/** What `work` costs. */
export async function billOf<T>(work: () => Promise<T>): Promise<Bill & { value: T }> {
  const tap: Tap = { bill: { written: 0, read: 0, trips: 0, objectWritten: 0, alarms: 0 }, cursors: [] };
  taps.add(tap);
  try {
    const value = await work();
    const rows = tap.cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
    return { ...tap.bill, objectWritten: rows + tap.bill.alarms, value };
  } finally {
    taps.delete(tap);
  }
}

/** Runs `work` while a fault is in force. */
export async function withFault<T>(fault: Fault, work: () => Promise<T>): Promise<T> {
  faults.add(fault);
  try {
    return await work();
  } finally {
    faults.delete(fault);
  }
}
