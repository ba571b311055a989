/** Where the agent servers listen: the one of the person, and the one of this runner. */

import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, homeOf, stateFolder } from '../../files/paths.ts';

/** Everything of Codex is per home. */
export function codexHome(env: NodeJS.ProcessEnv): string {
  return folderOf(env, 'CODEX_HOME') ?? join(homeOf(env), '.codex');
}

/** The socket of the server that the person runs, such as the daemon of the vendor. */
export function sharedSocket(env: NodeJS.ProcessEnv): string {
  return join(codexHome(env), 'app-server-control', 'app-server-control.sock');
}

/** Codex holds this file open, locked, while a program has the session open; it removes the file when it lets go. */
export function writerLock(env: NodeJS.ProcessEnv, sessionId: string): string {
  return join(codexHome(env), 'thread-writer-locks', `${sessionId}.lock`);
}

/** All servers that this program has started, a folder for each home. */
export function serversFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'agent-servers');
}

/** The folder of the server for a home; the name is short, because the path of a socket may have 103 bytes. */
export function serverFolder(env: NodeJS.ProcessEnv): string {
  return join(serversFolder(env), createHash('sha256').update(codexHome(env)).digest('hex').slice(0, 12));
}

/** The socket of the server of this runner. */
export function ownSocket(env: NodeJS.ProcessEnv): string {
  return join(serverFolder(env), 'socket');
}

/** Names the process of that server. */
export function serverRecordPath(env: NodeJS.ProcessEnv): string {
  return join(serverFolder(env), 'server.json');
}

/** `sun_path` has 104 bytes on macOS, with the final zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Why no server of this runner can listen; undefined when one can. */
export function whyNoOwnSocket(env: NodeJS.ProcessEnv): string | undefined {
  const path = ownSocket(env);
  return Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES
    ? `the path ${path} is too long for a socket`
    : undefined;
}

/** A socket that somebody else made is not used: prompts would go to a stranger. */
export function isOwnSocket(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && (process.getuid === undefined || found.uid === process.getuid());
}
