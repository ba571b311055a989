/** The sockets and files of the person's agent server and of the runner's own server. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, folderOf, homeOf, stateFolder } from '../../files/paths.ts';

/** The home folder of Codex. All its state is inside. */
export function codexHome(env: NodeJS.ProcessEnv): string {
  return folderOf(env, 'CODEX_HOME') ?? join(homeOf(env), '.codex');
}

/** The socket of the server that the person runs, such as the daemon of the vendor. */
export function sharedSocket(env: NodeJS.ProcessEnv): string {
  return join(codexHome(env), 'app-server-control', 'app-server-control.sock');
}

/** The lock file of a session. Codex locks it while a program has the session open, and removes it afterwards. */
export function writerLock(env: NodeJS.ProcessEnv, sessionId: string): string {
  return join(codexHome(env), 'thread-writer-locks', `${sessionId}.lock`);
}

/** The folder of all servers that `orp` has started, with one subfolder per `CODEX_HOME`. */
export function serversFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'agent-servers');
}

/** The server folder for a home. Its name is short, because the path of a socket may have at most 103 bytes. */
export function serverFolder(env: NodeJS.ProcessEnv): string {
  return join(serversFolder(env), fingerprint(codexHome(env)).slice(0, 12));
}

/** The socket of the runner's own server. */
export function ownSocket(env: NodeJS.ProcessEnv): string {
  return join(serverFolder(env), 'socket');
}

/** The file that names the process of that server. */
export function serverRecordPath(env: NodeJS.ProcessEnv): string {
  return join(serverFolder(env), 'server.json');
}

/** On macOS, `sun_path` has 104 bytes including the final zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Returns why the runner's own server cannot listen, or undefined if it can. */
export function whyNoOwnSocket(env: NodeJS.ProcessEnv): string | undefined {
  const path = ownSocket(env);
  return Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES
    ? `the path ${path} is too long for a socket`
    : undefined;
}

/** Returns whether this user created the socket. Prompts must not go to a socket of another user. */
export function isOwnSocket(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && (process.getuid === undefined || found.uid === process.getuid());
}
