/** The dependencies of a request, an alarm or a cron run. Built once per call, with one reading of the clock. */

import type { AccountLimits } from '../../spec/bounds.ts';
import { accountLimits } from '../../spec/bounds.ts';
import type { IdKind } from '../../spec/ids.ts';
import { type Id, makeId } from '../../spec/ids.ts';
import type { Database } from '../store/database.ts';
import { openDatabase } from '../store/database.ts';
import type { Machines } from '../store/machine-objects.ts';
import { machineObjects } from '../store/machine-objects.ts';
import type { MachineApi } from './machine-api.ts';
import { platform } from './platform.ts';

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Logs one JSON object per event. Never a prompt, an answer, a password, a code or a token. */
export type Log = (event: string, fields?: LogFields) => void;

export interface Deps {
  now: number;
  db: Database;
  machines: Machines<DurableObjectStub<MachineApi>>;
  log: Log;
  /** The bytes and rows that this request has used so far. */
  spent: Spent;
  /** In [0, 1). */
  random(): number;
  newId<Kind extends IdKind>(kind: Kind): Id<Kind>;
  /** Runs work after the Worker has sent its answer. A failure is logged and never thrown. */
  later(work: Promise<unknown>): void;
  settings: { signInCodeWebhook: string | undefined; accountLimits: AccountLimits };
}

/** The bytes of the request and its answer, the rows that the database read, and the characters that it returned. */
export interface Spent {
  bytes: number;
  rows: number;
  characters: number;
}

export interface DepsOptions {
  env: Env;
  now?: number;
  requestId?: string;
  waitUntil(work: Promise<unknown>): void;
}

export function makeDeps({ env, now = platform.now(), requestId, waitUntil }: DepsOptions): Deps {
  const log: Log = (event, fields) => platform.write(JSON.stringify({ event, requestId, ...fields }));
  const spent: Spent = { bytes: 0, rows: 0, characters: 0 };
  return {
    now,
    spent,
    db: openDatabase(env.DB, (read) => {
      spent.rows += read.rows;
      spent.characters += read.characters;
    }),
    machines: machineObjects(env.RUNNER_MACHINE, {
      location: env.OBJECT_LOCATION,
      keepAlive: waitUntil,
      onLost: ({ machineId }, error) => log('object_not_told', { machineId, message: String(error) }),
    }),
    log,
    random: Math.random,
    newId: (kind) => makeId(kind, now, platform.randomBytes(13)),
    later: (work) =>
      waitUntil(work.catch((error: unknown) => log('later_failed', { message: String(error) }))),
    settings: {
      signInCodeWebhook: env.SIGN_IN_CODE_WEBHOOK || undefined,
      accountLimits: readAccountLimits(env.ACCOUNT_LIMITS),
    },
  };
}

let limits: { text: string | undefined; value: AccountLimits } | undefined;

/** Reads the account limits once per isolate. An invalid value throws an error that names the key. */
function readAccountLimits(text: string | undefined): AccountLimits {
  if (limits?.text !== text || limits === undefined) {
    const read = accountLimits.safeParse(text ? JSON.parse(text) : {});
    if (!read.success)
      throw new Error(
        `ACCOUNT_LIMITS: ${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`,
      );
    limits = { text, value: read.data };
  }
  return limits.value;
}
