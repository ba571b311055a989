/**
 * The real server for tests in Node: the same runtime as `npm start`, with its own state, behind `edge.ts`, which enforces
 * the limits of the platform.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountRow, generatePassword, insertAccount, type Role } from '../../scripts/local/accounts.ts';
import { type Database, type Runtime, startRuntime } from '../../scripts/local/runtime.ts';
import { type Edge, startEdge } from './edge.ts';
import { copyMigratedState } from './migrated-state.ts';

export interface TestUser {
  id: string;
  email: string;
  password: string;
}

export interface Hosted {
  url: string;
  /** The requests that the edge has refused since the last start. */
  refusals(): readonly string[];
  database: Database;
  /** Adds a new account. */
  createUser(role?: Role): Promise<TestUser>;
  /** Signs in over HTTP. Returns the device token. */
  signIn(user: TestUser): Promise<string>;
  fireCron(): Promise<void>;
  /** Stops the server. The state stays. */
  stop(): Promise<void>;
  /** Starts the server again, with the same address and state but empty memory. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

let madeUsers = 0;

async function createUser(database: Database, role: Role): Promise<TestUser> {
  madeUsers += 1;
  const email = `person-${process.pid}-${madeUsers}@orp.test`;
  const password = generatePassword();
  const account = accountRow({ email, password, role }, Date.now());
  await insertAccount(database, account);
  return { id: account.id, email, password };
}

export async function signIn(url: string, user: TestUser): Promise<string> {
  const response = await fetch(`${url}/api/auth/device-login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: user.email, password: user.password }),
  });
  const answer = (await response.json()) as { token?: string };
  if (!answer.token) throw new Error(`Sign-in answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer.token;
}

/** Starts a server. The caller must close it. */
export async function startHosted(): Promise<Hosted> {
  const persistTo = mkdtempSync(join(tmpdir(), 'orp-hosted-'));
  await copyMigratedState(persistTo);
  let runtime: Runtime | undefined = await startRuntime({ port: 0, persistTo });
  let edge: Edge | undefined = await startEdge(runtime.url);
  const { url } = edge;
  const running = (): Runtime => {
    if (!runtime) throw new Error('The hosted side was stopped.');
    return runtime;
  };
  const stop = async (): Promise<void> => {
    await edge?.close();
    await runtime?.close();
    edge = undefined;
    runtime = undefined;
  };
  return {
    url,
    refusals: () => edge?.refusals ?? [],
    get database() {
      return running().database;
    },
    createUser: (role = 'member') => createUser(running().database, role),
    signIn: (user) => signIn(url, user),
    fireCron: () => running().fireCron(),
    stop,
    restart: async () => {
      await stop();
      runtime = await startRuntime({ port: 0, persistTo });
      edge = await startEdge(runtime.url, Number(new URL(url).port));
    },
    close: async () => {
      await stop();
      rmSync(persistTo, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
