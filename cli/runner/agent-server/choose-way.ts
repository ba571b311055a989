/**
 * Chooses how the runner drives Codex: through a server or with a process. The runner calls this before each prompt.
 * `orp runner status` and `orp link doctor` call the same function, so that they always agree. It starts no server.
 */

import type { FoundProgram } from '../../agents/agent.ts';
import { connectTo } from '../../agents/app-server/connection.ts';
import type { Connection } from '../../agents/app-server/rpc.ts';
import { installedVersion, serverVersion, whyNoServer } from '../../agents/codex-version.ts';
import { isOwnSocket, sharedSocket, whyNoOwnSocket } from './places.ts';

/** How the runner talks to Codex: `--agent-mode`. */
export const AGENT_MODES = ['auto', 'exec'] as const;
export type AgentMode = (typeof AGENT_MODES)[number];

export interface WaySource {
  env: NodeJS.ProcessEnv;
  mode: AgentMode;
  /** The configuration profile. A server cannot use a profile. */
  profile?: string | undefined;
  findProgram(): Promise<FoundProgram>;
}

/** The known facts about the program. */
interface Program {
  path: string;
  version: string | undefined;
}

export type WayChoice =
  | { way: 'process'; why: string; program: Program | undefined }
  /** The caller must close the connection. */
  | { way: 'shared_server'; why: string; program: Program; connection: Connection }
  | { way: 'own_server'; why: string; program: Program };

/** Chooses between a server and a process. Connects to the person's server if it answers. */
export async function chooseWay(source: WaySource): Promise<WayChoice> {
  const judged = await judgeProgram(source);
  if (judged.why !== undefined) return { ...judged, way: 'process' };
  const { program } = judged;
  const connection = await connectToShared(source.env);
  if (connection !== undefined) {
    return { way: 'shared_server', why: 'its owner runs a shared server', program, connection };
  }
  const trouble = whyNoOwnSocket(source.env);
  if (trouble !== undefined) return { way: 'process', why: noOwnServer(trouble), program };
  return { way: 'own_server', why: 'no shared server runs', program };
}

/** Returns why no agent server can be used, or otherwise the program that has a server. */
export async function judgeProgram({
  env,
  mode,
  profile,
  findProgram,
}: WaySource): Promise<{ why: string; program: Program | undefined } | { why: undefined; program: Program }> {
  const found = await findProgram();
  if (found.kind === 'missing') return { why: found.message, program: undefined };
  const { path } = found;
  const ordered = whyOrdered(mode, profile);
  if (ordered !== undefined) return { why: ordered, program: { path, version: installedVersion(path) } };
  const version = await serverVersion(path, env);
  const program = { path, version };
  const why = whyNoServer(version);
  return why === undefined ? { why, program } : { why, program };
}

function whyOrdered(mode: AgentMode, profile: string | undefined): string | undefined {
  if (mode === 'exec') return 'the runner was started with --agent-mode exec';
  return profile ? 'a configuration profile is set, which the app-server cannot use' : undefined;
}

/** Connects to the person's server. Returns undefined if no server of this user answers. */
export async function connectToShared(env: NodeJS.ProcessEnv): Promise<Connection | undefined> {
  const path = sharedSocket(env);
  return isOwnSocket(path) ? connectTo(path) : undefined;
}

export function noOwnServer(trouble: string): string {
  return `its app-server could not be used: ${trouble}`;
}
