/** The person of the smoke flow: an account on the server, and an `orp` with separate settings. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { machineIdCopyPath } from '../../cli/files/paths.ts';
import { readRemoteSession } from '../../cli/records/sign-in-record.ts';
import { runProcess, type Where } from '../local/run-process.ts';

export interface Person {
  /** The command line of `orp`. */
  orp: readonly string[];
  where: Where;
  url: string;
}

/** Runs one command of `orp` with `--json`. Returns its document. */
export async function orp<Document>(person: Person, args: readonly string[], stdin = ''): Promise<Document> {
  const { code, stdout, stderr } = await runProcess([...person.orp, ...args, '--json'], person.where, stdin);
  if (code !== 0) throw new Error(`orp ${args.join(' ')} ended with ${code}: ${`${stderr}${stdout}`.trim()}`);
  return JSON.parse(stdout) as Document;
}

/** Asks the server as another program would. */
export function request(person: Person, path: string, init: RequestInit = {}): Promise<Response> {
  const { env } = person.where;
  const token = env.ORP_TOKEN || readRemoteSession(env).token;
  return fetch(`${person.url}${path}`, {
    signal: AbortSignal.timeout(30_000),
    ...init,
    redirect: 'error',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
}

/**
 * Gives this machine an id that depends only on the account, so that repeated runs are one machine of the account. `orp` reads
 * it from the copy of a lost record.
 */
export function useMachineOf(person: Person, accountId: string): string {
  const id = `smoke-${createHash('sha256').update(accountId).digest('hex').slice(0, 20)}`;
  const path = machineIdCopyPath(person.where.env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}
