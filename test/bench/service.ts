/** The real server on the local runtime, for a benchmark, with one signed-in account. */

import { createHash, randomUUID } from 'node:crypto';
import { accountRow, insertAccount } from '../../scripts/local/accounts.ts';
import type { Runtime, RuntimeOptions } from '../../scripts/local/runtime.ts';
import { startRuntime } from '../../scripts/local/runtime.ts';
import { deviceLogin } from '../../spec/contract/auth.ts';
import type { Account } from './client.ts';
import { send } from './client.ts';

export interface BenchService extends Runtime {
  account: Account;
  userId: string;
  /** Signs the account in on one more device. */
  signInAgain(): Promise<Account>;
  /** Adds another account and signs it in. */
  addAccount(): Promise<{ account: Account; userId: string }>;
  /** Adds finished jobs of the account, as if it had worked for years. */
  addHistory(count: number): Promise<void>;
  /** Adds queued jobs of the account that name a machine. */
  addQueued(count: number, machineId: string): Promise<void>;
  /** Adds jobs of the account that a machine works on, each in a session of its own. */
  addHeld(count: number, machineId: string): Promise<void>;
}

const DAY_MS = 86_400_000;

/** Starts the server on a free port, without its static files. Its state is lost when it stops. */
export async function startBenchService(options: Partial<RuntimeOptions> = {}): Promise<BenchService> {
  const runtime = await startRuntime({ port: 0, hasStaticFiles: false, ...options });
  const now = Date.now();
  const person = accountRow({ email: 'bench@example.test', password: 'a long bench password' }, now);
  await insertAccount(runtime.database, person);
  const signInAgain = async () => {
    const signedIn = await send({ baseUrl: runtime.url, token: '' }, deviceLogin, {
      body: { email: person.email, password: 'a long bench password' },
    });
    if (!('token' in signedIn)) throw new Error('the sign-in gave no token');
    return { baseUrl: runtime.url, token: signedIn.token };
  };
  return {
    ...runtime,
    account: await signInAgain(),
    signInAgain,
    userId: person.id,
    addAccount: () => addAccount(runtime),
    addHistory: (count) => addHistory(runtime, { userId: person.id, count, endedAt: now - DAY_MS }),
    addQueued: (count, machineId) => addQueued(runtime, { userId: person.id, count, machineId, at: now }),
    addHeld: (count, machineId) => addHeld(runtime, { userId: person.id, count, machineId, at: now }),
  };
}

async function addAccount({ database, url }: Runtime): Promise<{ account: Account; userId: string }> {
  const now = Date.now();
  const email = `${randomUUID()}@example.test`;
  const person = accountRow({ email, password: randomUUID() }, now);
  await insertAccount(database, person);
  const token = `dvt_${randomUUID()}`;
  const hash = createHash('sha256').update(token).digest('hex');
  await database
    .prepare("INSERT INTO device_tokens (hash, user_id, device_name, created_at) VALUES (?, ?, 'bench', ?)")
    .bind(hash, person.id, now)
    .run();
  return { account: { baseUrl: url, token }, userId: person.id };
}

/** Writes the rows of finished jobs with one statement. Their ids are older than any real id. */
async function addHistory(
  { database }: Runtime,
  { userId, count, endedAt }: { userId: string; count: number; endedAt: number },
): Promise<void> {
  await database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, kind, status, created_at, available_at, expires_at, finished_at, updated_at,
                         on_lease_loss, max_attempts, session_fallback, prompt)
       SELECT ?2, printf('job_000000000%08d', i), 'session.prompt', 'completed', ?3, ?3, ?3, ?3, ?3,
              'hold', 3, 'primary', 'An old prompt.' FROM n`,
    )
    .bind(count, userId, endedAt)
    .run();
}

/** Writes the rows of queued jobs with one statement. As with drawn ids, one job in 32 is in the sample of the counters. */
async function addQueued(
  { database }: Runtime,
  { userId, count, machineId, at }: { userId: string; count: number; machineId: string; at: number },
): Promise<void> {
  await database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, kind, status, created_at, available_at, expires_at, updated_at, on_lease_loss,
                         max_attempts, session_fallback, target_machine_id, prompt)
       SELECT ?2, 'job_00' || ?5 || printf('%08d', i) || iif(i % 32 = 0, '0', 'z'), 'session.prompt', 'queued', ?3, ?3, ?3 + ?4,
              ?3, 'hold', 3, 'primary', ?6, 'A waiting prompt.' FROM n`,
    )
    .bind(count, userId, at, DAY_MS, randomUUID().slice(0, 8), machineId)
    .run();
}

async function addHeld(
  { database }: Runtime,
  { userId, count, machineId, at }: { userId: string; count: number; machineId: string; at: number },
): Promise<void> {
  await database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO jobs (user_id, id, kind, status, created_at, available_at, expires_at, updated_at, on_lease_loss,
                         max_attempts, session_fallback, target_machine_id, machine_id, lease_id, codex_session_id,
                         lease_expires_at, prompt)
       SELECT ?2, printf('job_00held%08d', i), 'session.prompt', 'running', ?3, ?3, ?3 + ?4, ?3, 'hold', 3, 'primary',
              ?5, ?5, 'lea_' || i, 'codex-held-' || i, ?3 + ?4, 'A prompt that runs.' FROM n`,
    )
    .bind(count, userId, at, DAY_MS, machineId)
    .run();
}
