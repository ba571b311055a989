/** Finds the sessions of an agent for a person who wants to link one. It starts no server and no agent. */

import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import type { FoundSession } from '../../agents/agent.ts';
import { connectTo } from '../../agents/app-server/connection.ts';
import type { Connection } from '../../agents/app-server/rpc.ts';
import { findInHome, openDisk } from '../../agents/session-files/disk.ts';
import { listSessionFiles } from '../../agents/session-files/list-files.ts';
import { startCodexSession } from '../../agents/session-files/new-session.ts';
import { cutPrompt } from '../../agents/session-files/session-head.ts';
import { connectToShared } from './choose-way.ts';
import { codexHome, isOwnSocket, ownSocket } from './places.ts';

/** Returns the sessions, newest first. Without `folder`, returns the sessions of all folders. */
type FindSessions = (env: NodeJS.ProcessEnv, folder: string | undefined) => Promise<FoundSession[]>;

/** Has an entry for every agent in the registry. */
export const FINDERS = new Map<string, FindSessions>([[DEFAULT_AGENT, findCodexSessions]]);

type StartSession = (env: NodeJS.ProcessEnv, folder: string) => Promise<string>;

/** For each agent, a function that starts a new session in a folder and returns its id. */
export const STARTERS = new Map<string, StartSession>([
  [DEFAULT_AGENT, (env, folder) => startCodexSession({ env }, folder)],
]);

type CheckSession = (env: NodeJS.ProcessEnv, sessionId: string) => ReturnType<typeof findInHome>;

/** For each agent, a function that checks whether the agent still has a session. */
export const CHECKERS = new Map<string, CheckSession>([
  [DEFAULT_AGENT, (env, sessionId) => findInHome(codexHome(env), sessionId)],
]);

/** Asks the person's server or the runner's server if one of them runs. Otherwise reads the session files. */
async function findCodexSessions(
  env: NodeJS.ProcessEnv,
  folder: string | undefined,
): Promise<FoundSession[]> {
  const disk = openDisk(codexHome(env));
  const connection = (await connectToShared(env)) ?? (await connectToRunning(env));
  const told = connection === undefined ? undefined : await askServer(connection, folder);
  return (
    told?.map((session) => ({
      ...session,
      firstPrompt: cutPrompt(session.firstPrompt.trim()),
      // The server knows only the sessions that the server itself has open.
      isOpen: session.isOpen || disk.isOpen(session.sessionId),
    })) ?? listSessionFiles(disk, folder)
  );
}

async function connectToRunning(env: NodeJS.ProcessEnv): Promise<Connection | undefined> {
  const path = ownSocket(env);
  return isOwnSocket(path) ? connectTo(path) : undefined;
}

/** Returns undefined if the server does not answer, or is too old to list sessions. */
async function askServer(
  connection: Connection,
  folder: string | undefined,
): Promise<FoundSession[] | undefined> {
  try {
    const { listSessions } = await import('../../agents/app-server/session-list.ts');
    return await listSessions(connection, folder);
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}
