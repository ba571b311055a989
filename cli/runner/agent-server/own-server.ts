/**
 * The runner's own agent server, one for each `CODEX_HOME`. It has its own process group and keeps running after the runner,
 * so that a turn continues when the runner is killed. `server.json` names the process, so that the next runner can find it.
 */

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { agentEnvironment } from '../../agents/agent-environment.ts';
import { connectTo } from '../../agents/app-server/connection.ts';
import type { Connection } from '../../agents/app-server/rpc.ts';
import { listActive } from '../../agents/app-server/session-list.ts';
import { PRIVATE_MODE, writeTextFile } from '../../files/json-file.ts';
import { withLock } from '../../files/lock.ts';
import { homeOf } from '../../files/paths.ts';
import { makeFolder } from '../../files/private-folder.ts';
import { ProcessFamily } from '../process/family.ts';
import { findProcess, TAG_NAME } from '../process/process-table.ts';
import { type StopReceipt, stopFamily } from '../process/terminate.ts';
import { isOwnSocket, ownSocket, serverFolder, serversFolder, whyNoOwnSocket } from './places.ts';

const RECORD = 'server.json';
const SOCKET = 'socket';
/** A start takes 0.4 s, but much longer on a busy machine. */
const START_LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 15;
/**
 * The server closes a session so soon after its last job that a person can open it. Without this setting, the server closes it after 60 s.
 * The pause between two consecutive jobs is shorter.
 */
const UNLOADS = 'thread_unload_delay_secs=2';

const serverRecord = z.object({
  /** Absent until the process was started, so that a runner that is killed in the meantime leaves no unknown server. */
  pid: z.optional(z.int().check(z.minimum(2))),
  start_time: z._default(z.string(), ''),
  tag: z.string(),
  program: z.string(),
});
type ServerRecord = z.infer<typeof serverRecord>;

export type ServerStart = { kind: 'connected'; connection: Connection } | { kind: 'failed'; message: string };

/** Connects to the server; starts it if needed. */
export async function connectToOwnServer(env: NodeJS.ProcessEnv, program: string): Promise<ServerStart> {
  const folder = serverFolder(env);
  const socket = ownSocket(env);
  const trouble = whyNoOwnSocket(env);
  if (trouble !== undefined) return { kind: 'failed', message: trouble };
  makeFolder(folder);
  // Two runners of this user (with two machine ids) may start it at the same time.
  return withLock(folder, async () => {
    const record = readRecord(folder);
    if (record !== undefined && isOwnSocket(socket)) {
      const connection = await connectTo(socket);
      // Another version of Codex was installed in the meantime. If a turn still runs in the old server, the old server is kept.
      const isKept = record.program === program || (connection && (await listActive(connection)).length > 0);
      if (connection !== undefined && isKept) return { kind: 'connected', connection };
      connection?.close();
    }
    // The server does not answer, or belongs to an earlier version of Codex.
    if (record !== undefined) await stopRecorded(folder, record);
    return start(env, { folder, socket, program });
  });
}

async function start(
  env: NodeJS.ProcessEnv,
  { folder, socket, program }: { folder: string; socket: string; program: string },
): Promise<ServerStart> {
  const tag = randomUUID();
  const home = homeOf(env);
  rmSync(socket, { force: true });
  writeRecord(folder, { start_time: '', tag, program });
  const child = spawn(program, ['app-server', '-c', UNLOADS, '--listen', `unix://${socket}`], {
    cwd: home,
    env: { ...agentEnvironment(env, home), [TAG_NAME]: tag },
    detached: true,
    stdio: 'ignore',
  });
  const failed = new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => settle(`it ended with ${signal ?? `exit code ${code}`}`));
  });
  const spawned = await Promise.race([once(child, 'spawn'), failed]);
  if (typeof spawned === 'string') {
    rmSync(join(folder, RECORD), { force: true });
    return { kind: 'failed', message: spawned };
  }
  child.unref();
  const { pid = 0 } = child;
  const startTime = (await findProcess(pid).catch(() => undefined))?.startTime ?? '';
  const record: ServerRecord = { pid, start_time: startTime, tag, program };
  writeRecord(folder, record);
  const connection = await Promise.race([waitFor(socket), failed]);
  if (connection !== undefined && typeof connection !== 'string') return { kind: 'connected', connection };
  await stopRecorded(folder, record);
  return { kind: 'failed', message: connection ?? `it did not answer within ${START_LIMIT_MS / 1000} s` };
}

async function waitFor(socket: string): Promise<Connection | undefined> {
  for (const giveUpAt = performance.now() + START_LIMIT_MS; performance.now() < giveUpAt; ) {
    const connection = existsSync(socket) ? await connectTo(socket) : undefined;
    if (connection !== undefined) return connection;
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
  }
  return undefined;
}

/** Ends the server of this home, if there is one, and interrupts its turns. */
export async function stopOwnServer(env: NodeJS.ProcessEnv): Promise<StopReceipt | undefined> {
  return stopIn(serverFolder(env));
}

/** Ends all servers that `orp` has started for this user. */
export async function stopAllServers(env: NodeJS.ProcessEnv): Promise<number> {
  const root = serversFolder(env);
  const folders = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
  const receipts = await Promise.all(folders.map((folder) => stopIn(folder)));
  return receipts.filter((receipt) => (receipt?.processes ?? 0) > 0).length;
}

function stopIn(folder: string): Promise<StopReceipt | undefined> | undefined {
  if (!existsSync(join(folder, RECORD))) return undefined;
  return withLock(folder, async () => {
    const record = readRecord(folder);
    return record && stopRecorded(folder, record);
  });
}

/** Returns the process of this home's server, or undefined if no server runs. */
export async function findOwnServer(env: NodeJS.ProcessEnv): Promise<{ pid: number } | undefined> {
  const record = readRecord(serverFolder(env));
  if (record === undefined) return undefined;
  const { pid, start_time } = record;
  const found = pid === undefined ? undefined : await findProcess(pid).catch(() => undefined);
  return found !== undefined && found.startTime === start_time ? { pid: found.pid } : undefined;
}

async function stopRecorded(folder: string, { pid, start_time, tag }: ServerRecord): Promise<StopReceipt> {
  const leader = pid === undefined || start_time === '' ? undefined : { pid, startTime: start_time };
  const receipt = await stopFamily(ProcessFamily.found({ leader, tag }));
  rmSync(join(folder, RECORD), { force: true });
  rmSync(join(folder, SOCKET), { force: true });
  return receipt;
}

function writeRecord(folder: string, record: ServerRecord): void {
  writeTextFile(join(folder, RECORD), `${JSON.stringify(record)}\n`, PRIVATE_MODE);
}

function readRecord(folder: string): ServerRecord | undefined {
  try {
    return serverRecord.safeParse(JSON.parse(readFileSync(join(folder, RECORD), 'utf8'))).data;
  } catch {
    return undefined;
  }
}
