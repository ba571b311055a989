/**
 * The hosted side with a meter: the real Worker and object, whose platform calls are counted as they would be billed, and
 * a clock that a benchmark moves. Served by `npm run bench` only.
 */

import { env } from 'cloudflare:workers';
import { AsyncLocalStorage } from 'node:async_hooks';
import { platform } from '../../../workers/base/platform.ts';
import worker, { RunnerMachine as Machine } from '../../../workers/index.ts';

/** What the platform bills for. */
export interface Bill {
  requests: number;
  /** Round trips to D1; they cost nothing but their rows. */
  trips: number;
  /** Those of them that began when no other was under way: the latency of an operation is at least their sum. */
  sequentialTrips: number;
  rowsWritten: number;
  rowsRead: number;
  objectRowsWritten: number;
  objectRowsRead: number;
  objectRequests: number;
  /** Time in which an object was busy with a call. */
  objectActiveMs: number;
  /** Objects that came into memory. */
  objectsMade: number;
}

const bill: Bill = {
  requests: 0,
  trips: 0,
  sequentialTrips: 0,
  rowsWritten: 0,
  rowsRead: 0,
  objectRowsWritten: 0,
  objectRowsRead: 0,
  objectRequests: 0,
  objectActiveMs: 0,
  objectsMade: 0,
};
const cursors: { rowsRead: number; rowsWritten: number }[] = [];

let underWay = 0;
let ahead = 0;
platform.now = () => Date.now() + ahead;
platform.write = () => undefined;

type Send = (this: unknown, ...args: unknown[]) => Promise<unknown>;
interface Meta {
  meta?: { rows_written?: number; rows_read?: number };
}

function metered(send: Send): Send {
  return async function meteredSend(...args) {
    bill.trips += 1;
    if (underWay === 0) bill.sequentialTrips += 1;
    underWay += 1;
    const result = await send.apply(this, args).finally(() => {
      underWay -= 1;
    });
    for (const { meta } of [result].flat() as Meta[]) {
      bill.rowsWritten += meta?.rows_written ?? 0;
      bill.rowsRead += meta?.rows_read ?? 0;
    }
    return result;
  };
}

const database = Object.getPrototypeOf(env.DB) as Record<'batch', Send>;
const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as Record<'all' | 'run', Send>;
database.batch = metered(database.batch);
statement.all = metered(statement.all);
statement.run = metered(statement.run);

let isStorageMetered = false;

function meterStorage(storage: DurableObjectStorage): void {
  if (isStorageMetered) return;
  isStorageMetered = true;
  const sql = Object.getPrototypeOf(storage.sql) as Pick<SqlStorage, 'exec'>;
  const { exec } = sql;
  sql.exec = function meteredExec(this: SqlStorage, ...args: Parameters<SqlStorage['exec']>) {
    const cursor = exec.apply(this, args);
    cursors.push(cursor);
    return cursor;
  } as SqlStorage['exec'];
  const alarms = Object.getPrototypeOf(storage) as Pick<DurableObjectStorage, 'setAlarm'>;
  const { setAlarm } = alarms;
  alarms.setAlarm = function meteredAlarm(this: DurableObjectStorage, ...args: Parameters<typeof setAlarm>) {
    bill.objectRowsWritten += 1;
    return setAlarm.apply(this, args);
  };
}

export class RunnerMachine extends Machine {
  constructor(state: DurableObjectState, bindings: Env) {
    meterStorage(state.storage);
    super(state, bindings);
    bill.objectsMade += 1;
  }

  /** Runs the alarm if the moved clock has passed it; the platform's own timer knows nothing of that clock. */
  async ringIfDue(): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > Date.now() + ahead) return;
    await this.ctx.storage.deleteAlarm();
    await this.alarm();
    bill.objectRequests += 1;
  }
}

/** Frames of a socket that is open, its close among them, are billed as a twentieth of a request. */
const FRAME_REQUESTS = 1 / 20;
const FRAMES = new Set(['webSocketClose', 'webSocketError', 'webSocketMessage']);

/** Set while an object handles a call. What it calls on itself is no request. */
const inCall = new AsyncLocalStorage<true>();

/** Every other call from outside is one billed request of the object, however it is made. */
for (const name of Object.getOwnPropertyNames(Machine.prototype)) {
  const original = Object.getOwnPropertyDescriptor(Machine.prototype, name)?.value as unknown;
  if (name === 'constructor' || name === 'alarm' || typeof original !== 'function') continue;
  Object.defineProperty(Machine.prototype, name, {
    configurable: true,
    async value(this: unknown, ...args: unknown[]) {
      if (inCall.getStore()) return original.apply(this, args);
      bill.objectRequests += FRAMES.has(name) ? FRAME_REQUESTS : 1;
      const startedAt = performance.now();
      try {
        return await inCall.run(true, async () => original.apply(this, args));
      } finally {
        bill.objectActiveMs += performance.now() - startedAt;
      }
    },
  });
}

function takeBill(): Bill {
  for (const cursor of cursors.splice(0)) {
    bill.objectRowsWritten += cursor.rowsWritten;
    bill.objectRowsRead += cursor.rowsRead;
  }
  const taken = { ...bill };
  for (const field of Object.keys(bill) as (keyof Bill)[]) bill[field] = 0;
  return taken;
}

export default {
  async fetch(request, bindings, context) {
    const url = new URL(request.url);
    if (url.pathname === '/bench/bill') return Response.json(takeBill());
    if (url.pathname === '/bench/advance') {
      ahead += Number(url.searchParams.get('ms'));
      const machine = bindings.RUNNER_MACHINE.getByName(url.searchParams.get('machine') ?? '') as unknown;
      await (machine as DurableObjectStub<RunnerMachine>).ringIfDue();
      return new Response(null, { status: 204 });
    }
    bill.requests += 1;
    return worker.fetch(request, bindings, context);
  },
} satisfies ExportedHandler<Env>;
