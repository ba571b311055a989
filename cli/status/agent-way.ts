/**
 * Reports how the runner drives Codex, and why. A running runner has recorded how it ran its last job. Otherwise this
 * file calls the runner's own function to find how the next prompt would run. It starts no server.
 */

import { existsSync } from 'node:fs';
import { CAPABILITIES, type Capability } from '../agents/agent.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject, readJsonObject } from '../files/json-file.ts';
import { machinePath, runnerLivePath } from '../files/paths.ts';
import type { Line } from '../output/print.ts';
import { type RunnerProcess, readRunner } from './runner-process.ts';

export interface AgentWay {
  name: string;
  program: string;
  /** Null if the files of the program do not contain the version. The program itself is not started for this. */
  version: string | null;
  /** `shared_server`, `own_server` or `process` (docs/agents.md). */
  way: string;
  /** The reason, as part of a sentence. */
  why: string;
  /** `last_job`: recorded by the running runner. `next_job`: determined now. */
  known_from: 'last_job' | 'next_job';
  /** The abilities of the driver in this way, besides entering a prompt and reading the answer. */
  capabilities: readonly Capability[];
  /** The process id of the runner's own server, or null if that server is not running. */
  own_server_pid: number | null;
}

/** The record that the running runner has written. Empty if no runner is running. */
export interface RunnerNote {
  agent?: { way: string; why: string };
  options: JsonObject;
}

/** Returns null if Codex is missing, because no job can run then. */
export async function findAgentWay(env: NodeJS.ProcessEnv, note: RunnerNote): Promise<AgentWay | null> {
  const [{ findCodex }, { chooseWay }] = await Promise.all([
    import('../agents/codex-program.ts'),
    import('../runner/agent-server/choose-way.ts'),
  ]);
  const [bin, profile] = [readString(note.options, 'bin'), readString(note.options, 'profile')];
  const mode = readString(note.options, 'mode') === 'exec' ? 'exec' : 'auto';
  const choice = await chooseWay({ env, mode, profile, findProgram: () => findCodex({ env, bin, profile }) });
  if (choice.way === 'shared_server') choice.connection.close();
  if (choice.program === undefined) return null;
  const { path, version } = choice.program;
  const way = note.agent?.way ?? choice.way;
  return {
    name: 'Codex',
    program: path,
    version: version ?? null,
    way,
    capabilities: way === 'process' ? [] : CAPABILITIES,
    why: note.agent?.why ?? choice.why,
    known_from: note.agent === undefined ? 'next_job' : 'last_job',
    own_server_pid: await findServerPid(env),
  };
}

async function findServerPid(env: NodeJS.ProcessEnv): Promise<number | null> {
  const { serverRecordPath } = await import('../runner/agent-server/places.ts');
  // Loaded on demand, because the module of the process table is slow to load.
  if (!existsSync(serverRecordPath(env))) return null;
  const { findOwnServer } = await import('../runner/agent-server/own-server.ts');
  return (await findOwnServer(env))?.pid ?? null;
}

/** Ignores the records of an earlier runner process. */
export function readRunnerNote(live: JsonObject, runner: RunnerProcess): RunnerNote {
  if (!runner.running || readString(live, 'instance') !== runner.instance) return { options: {} };
  const { agent, agent_options } = live;
  const options = isObject(agent_options) ? agent_options : {};
  if (!isObject(agent)) return { options };
  return { options, agent: { way: readString(agent, 'way') ?? '', why: readString(agent, 'why') ?? '' } };
}

/** For commands that do not read the other facts about the runner. */
export async function findAgentWayHere(env: NodeJS.ProcessEnv): Promise<AgentWay | null> {
  const machineId = readString(readJsonObject(machinePath(env)) ?? {}, 'machine_id') ?? '';
  if (machineId === '') return findAgentWay(env, { options: {} });
  const live = readJsonObject(runnerLivePath(env, machineId)) ?? {};
  return findAgentWay(env, readRunnerNote(live, await readRunner({ env, machineId })));
}

/** The `key=value` lines, for scripts. */
export function agentLines({ version, way, why }: AgentWay): Line[] {
  return [
    ['agent.version', version],
    ['agent.way', way],
    ['agent.why', why],
  ];
}

const WAYS: Readonly<Record<string, string>> = {
  shared_server: 'through the shared server of its owner',
  own_server: 'through its own server',
  process: 'one process per prompt',
};

/** The text for people: the agent, its version, the way and the reason. */
export function describeAgentWay({ name, version, way, why }: AgentWay): string {
  const what = version === null ? name : `${name} ${version}`;
  return `${what}, ${WAYS[way] ?? way} (${why})`;
}
