/**
 * The machine part of `runner status`: the service, the runner, its channel, the spool and the policy. Absent parts load no
 * module and start no process.
 */

import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError, messageOf } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { readBoolean, readString } from '../files/fields.ts';
import { isObject, type JsonObject, readJsonObject } from '../files/json-file.ts';
import { isNowhere } from '../files/missing-file.ts';
import { agentWorkId, runnerLivePath, stateFolder, userFolder } from '../files/paths.ts';
import { openness } from '../files/private-folder.ts';
import { formatTimestamp, parseTimestamp } from '../files/timestamps.ts';
import type { AdviceCollector } from '../output/advice.ts';
import { servicePath } from '../service/service-place.ts';
import { type AgentWay, findAgentWay, readRunnerNote } from './agent-way.ts';
import { type RunnerProcess, readRunner } from './runner-process.ts';

export interface RunnerSituation {
  service: {
    installed: boolean;
    /** True if the system has loaded the service. Null if unknown. */
    loaded: boolean | null;
    running: boolean;
    path: string;
    /** The error of the system, and what the user can do. */
    error?: string;
    hint?: string | undefined;
  };
  runner: RunnerProcess & {
    /** Why the agent cannot take jobs, and until when. Without a time, the runner retries by itself. */
    paused?: { code: string; message: string; until_utc: string | undefined };
    /** Since when this runner knows that the machine is drained. `--hosted` asks the server instead. */
    drained_at_utc?: string | undefined;
  };
  channel: { transport: string; listening: boolean; since_utc?: string | undefined };
  spool: { leases: number; bytes: number; oldest_at_utc: string | null };
  /** Results that the server did not accept. They stay here until a person checks them. */
  kept: { path: string; jobs: number };
  /** How the runner drives its agent (docs/agents.md). Null if the agent is missing. */
  agent: AgentWay | null;
  last_error: { message: string; at_utc: string } | null;
  policy: { path: string; exists: boolean; valid: boolean; rules: string[]; waiting: string };
}

interface SituationSource {
  env: NodeJS.ProcessEnv;
  machineId: string;
  now: number;
}

/** Gathers the facts. A problem becomes a fact and never an exception. */
export async function gatherSituation(source: SituationSource): Promise<RunnerSituation> {
  const { env, machineId } = source;
  const holder = await readRunner(source);
  const live = readJsonObject(runnerLivePath(env, machineId)) ?? {};
  const runner = { ...holder, drained_at_utc: readString(live, 'drained_at_utc') };
  return {
    service: await readService(env, runner),
    runner: { ...runner, ...readPause(live, runner, source.now) },
    channel: readChannel(live, runner),
    spool: await readSpool(source),
    kept: readKept(env),
    agent: await findAgentWay(env, readRunnerNote(live, runner)),
    last_error: readLastError(live),
    policy: await readPolicy(source),
  };
}

/** Asks the system only when necessary, because its tools take as long as `orp` itself. */
async function readService(
  env: NodeJS.ProcessEnv,
  runner: RunnerSituation['runner'],
): Promise<RunnerSituation['service']> {
  const path = servicePath(env, process.platform);
  if (path === undefined || !existsSync(path)) {
    return { installed: false, loaded: false, running: false, path: path ?? '' };
  }
  if (runner.running && runner.started_by === 'service') {
    return { installed: true, loaded: true, running: true, path };
  }
  const { serviceManager } = await import('../service/service-manager.ts');
  const userId = process.getuid?.() ?? 0;
  try {
    const state = await serviceManager({ env, platform: process.platform, userId }).state();
    return { installed: true, loaded: state !== 'absent', running: state === 'running', path };
  } catch (error) {
    const hint = error instanceof CliError ? error.hint : undefined;
    return { installed: true, loaded: null, running: false, path, error: messageOf(error), hint };
  }
}

/** Ignores records of an earlier runner process. */
function readChannel(live: JsonObject, runner: RunnerSituation['runner']): RunnerSituation['channel'] {
  const channel = isObject(live.channel) ? live.channel : {};
  if (!runner.running || readString(live, 'instance') !== runner.instance) {
    return { transport: '', listening: false };
  }
  return {
    transport: readString(channel, 'transport') ?? '',
    listening: readBoolean(channel, 'listening') && readString(channel, 'transport') !== 'poll',
    since_utc: readString(channel, 'since_utc'),
  };
}

/** Ignores pauses that have expired, because the runner retries then. */
function readPause(
  live: JsonObject,
  runner: RunnerSituation['runner'],
  now: number,
): Pick<RunnerSituation['runner'], 'paused'> {
  const { paused } = live;
  if (!isObject(paused) || !runner.running || readString(live, 'instance') !== runner.instance) return {};
  const until_utc = readString(paused, 'until_utc');
  if (until_utc !== undefined && (parseTimestamp(until_utc) ?? 0) <= now) return {};
  const [code = '', message = ''] = [readString(paused, 'code'), readString(paused, 'message')];
  return { paused: { code, message, until_utc } };
}

function readLastError(live: JsonObject): RunnerSituation['last_error'] {
  const error = isObject(live.last_error) ? live.last_error : {};
  const message = readString(error, 'message');
  return message === undefined ? null : { message, at_utc: readString(error, 'at_utc') ?? '' };
}

/** The spool has one folder per lease. The runner removes folders that the server has acknowledged. */
async function readSpool({ env, machineId }: SituationSource): Promise<RunnerSituation['spool']> {
  const root = join(stateFolder(env), 'spool');
  const spool = { leases: 0, bytes: 0, oldest_at_utc: null as string | null };
  if (!existsSync(root)) return spool;
  let oldest = Number.POSITIVE_INFINITY;
  for (const lease of await findLeaseFolders(root, machineId)) {
    spool.leases += 1;
    for (const name of list(lease)) {
      const found = statOf(join(lease, name));
      spool.bytes += found?.size ?? 0;
      oldest = Math.min(oldest, found?.birthtimeMs || found?.mtimeMs || oldest);
    }
  }
  if (Number.isFinite(oldest)) spool.oldest_at_utc = formatTimestamp(oldest);
  return spool;
}

/** Spools of the runner and of `orp agent work`. */
async function findLeaseFolders(root: string, machineId: string): Promise<string[]> {
  const owners = await Promise.all([machineId, agentWorkId(machineId)].map(folderNameOf));
  return owners
    .flatMap((owner) => list(join(root, owner)).map((lease) => join(root, owner, lease)))
    .filter((lease) => statOf(lease)?.isDirectory() === true);
}

function readKept(env: NodeJS.ProcessEnv): RunnerSituation['kept'] {
  const path = join(stateFolder(env), 'kept');
  return { path, jobs: list(path).filter((name) => statOf(join(path, name))?.isDirectory()).length };
}

/** A plain id is its own folder name. Others need a digest, whose module is slow to load. */
async function folderNameOf(machineId: string): Promise<string> {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(machineId)) return machineId;
  return (await import('../runner/spool/places.ts')).folderName(machineId);
}

async function readPolicy({ env, now }: SituationSource): Promise<RunnerSituation['policy']> {
  const path = join(userFolder(env), 'policy.json');
  if (isKnownAbsent(path) && openness(dirname(path)) !== 'write')
    return { path, exists: false, valid: true, rules: [], waiting: '' };
  const [{ readPolicyFile }, { OwnerPolicy }] = await Promise.all([
    import('../policy/policy-file.ts'),
    import('../policy/owner-policy.ts'),
  ]);
  const file = readPolicyFile(env);
  const rules =
    file.kind === 'valid' ? Object.keys(file.policy).filter((key) => key !== 'schema_version') : [];
  const waiting = new OwnerPolicy({ env, now: () => now }).reasonToWait()?.message ?? '';
  return { path, exists: file.kind !== 'absent', valid: file.kind !== 'broken', rules, waiting };
}

/** The policy reader checks the rest. */
function isKnownAbsent(path: string): boolean {
  try {
    return isNowhere(path);
  } catch {
    return false;
  }
}

/** Adds advice about the situation. */
export function adviseOnSituation(
  { service, runner, spool, kept, policy }: RunnerSituation,
  own: { version: string; isWorkReady: boolean },
  advice: AdviceCollector,
): void {
  if (policy.waiting !== '') {
    if (policy.valid) advice.note(policy.waiting);
    else advice.warn(policy.waiting, 'orp runner policy check');
  }
  if (service.error !== undefined) {
    advice.warn(`The state of the service is unknown: ${service.error} ${service.hint ?? ''}`.trim());
  } else if (service.running && !runner.running && runner.error === undefined) {
    advice.warn(
      'The service is running, but its runner is not: it is starting, or waiting for something that its log names.',
      'orp runner logs',
    );
  } else if (service.installed && !service.running && !runner.running && runner.error === undefined) {
    advice.warn('The service is installed but not running.', 'orp runner restart');
  }
  if (runner.paused !== undefined) {
    const { message, until_utc: until } = runner.paused;
    const next =
      until === undefined ? 'The runner retries by itself.' : `The runner claims no jobs until ${until}.`;
    advice.warn(`The agent takes no jobs: ${message} ${next}`);
  }
  if (runner.running && runner.version !== own.version) {
    const command = runner.started_by === 'service' ? 'orp runner restart' : 'orp runner work --takeover';
    advice.warn(`The runner has version ${runner.version}, but this \`orp\` has ${own.version}.`, command);
  }
  if (runner.error !== undefined) advice.warn(`Could not check whether a runner is running: ${runner.error}`);
  if (runner.abandoned) advice.note('The last runner crashed. The next one recovers its jobs.');
  if (spool.leases > 0 && !runner.running) {
    const what = spool.leases === 1 ? 'One job has' : `${spool.leases} jobs have`;
    advice.warn(`${what} results that are not uploaded yet.`, 'orp runner work --once');
  }
  if (kept.jobs > 0) {
    const jobs = kept.jobs === 1 ? 'One job has' : `${kept.jobs} jobs have`;
    advice.warn(
      `${jobs} results that the server did not accept or that could not be read. Check them in ${kept.path} (answers are in \`result.json\`), then remove the folder.`,
      `ls ${shellWord(kept.path)}`,
    );
  }
  if (own.isWorkReady && !service.installed && !runner.running && runner.error === undefined) {
    advice.note('No runner is running on this machine.', 'orp runner install');
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The folder is absent or was just removed.
    return [];
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
