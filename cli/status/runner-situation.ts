/**
 * The part of `runner status` that is about the machine, not the repository: the service, the runner, its channel, what
 * waits in the spool, and the policy. Whatever is not there costs no module and no process.
 */

import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError, messageOf } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { readBoolean, readString } from '../files/fields.ts';
import { isObject, type JsonObject, readJsonObject } from '../files/json-file.ts';
import { isNowhere } from '../files/missing-file.ts';
import { agentWorkId, runnerLivePath, runnerLockPath, stateFolder, userFolder } from '../files/paths.ts';
import { openness } from '../files/private-folder.ts';
import { formatTimestamp, parseTimestamp } from '../files/timestamps.ts';
import type { AdviceCollector } from '../output/advice.ts';
import type { RunnerHolder } from '../runner/process/runner-lock.ts';
import { servicePath } from '../service/service-place.ts';

export interface RunnerSituation {
  service: {
    installed: boolean;
    /** Whether the system knows it; null when it could not be asked. */
    loaded: boolean | null;
    running: boolean;
    path: string;
    /** What the system said instead of an answer, and what to do about it. */
    error?: string;
    hint?: string | undefined;
  };
  runner: {
    running: boolean;
    /** Left behind by a runner that no longer runs. */
    abandoned: boolean;
    /** `service`, `terminal` or `once`. */
    started_by?: string;
    pid?: number;
    instance?: string;
    version?: string;
    started_at_utc?: string;
    draining_at_utc?: string | undefined;
    /** The agent takes no work: why, and until when; without a time it tries by itself. */
    paused?: { code: string; message: string; until_utc: string | undefined };
    /** Since when this machine has known that the server tells it to claim nothing. `--hosted` asks the server. */
    drained_at_utc?: string | undefined;
    /** Why it is not known whether the one that holds the machine still runs. */
    error?: string;
  };
  channel: { transport: string; listening: boolean; since_utc?: string | undefined };
  spool: { leases: number; bytes: number; oldest_at_utc: string | null };
  /** What the service did not take: it lies here until a person has looked at it. */
  kept: { path: string; jobs: number };
  last_error: { message: string; at_utc: string } | null;
  policy: { path: string; exists: boolean; valid: boolean; rules: string[]; waiting: string };
}

interface SituationSource {
  env: NodeJS.ProcessEnv;
  machineId: string;
  now: number;
}

/** Looks around. Never throws for what it finds. */
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
    last_error: readLastError(live),
    policy: await readPolicy(source),
  };
}

async function readRunner({ env, machineId }: SituationSource): Promise<RunnerSituation['runner']> {
  const nobody = { running: false, abandoned: false };
  if (!existsSync(runnerLockPath(env, machineId))) return nobody;
  const { readRunnerLock } = await import('../runner/process/runner-lock.ts');
  const lock = await readRunnerLock({ env, machineId }).catch((error: unknown) => messageOf(error));
  if (typeof lock === 'string') return { ...nobody, error: lock };
  if (lock.kind !== 'held' && lock.kind !== 'abandoned')
    return { ...nobody, abandoned: lock.kind === 'torn' };
  const isHeld = lock.kind === 'held';
  return { running: isHeld, abandoned: !isHeld, ...describeHolder(lock.holder) };
}

function describeHolder(holder: RunnerHolder) {
  return {
    started_by: holder.isService ? 'service' : holder.isOnce ? 'once' : 'terminal',
    pid: holder.pid,
    instance: holder.instance,
    version: holder.version,
    started_at_utc: holder.startedAtUtc,
    draining_at_utc: holder.drainingAtUtc,
  };
}

/** The system is asked only when the answer is not plain: its programs take as long as `orp` itself. */
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

/** What another run of the runner wrote says nothing of this one. */
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

/** Past its time the runner tries again. */
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

/** One folder a lease; what the service has acknowledged is removed. */
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

/** Of the runner, and of `orp agent work`. */
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

/** A plain id is its own name; the digest of any other takes a module that costs as much as a process. */
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

/** Whatever else is to be said of it, the reader of the policy says. */
function isKnownAbsent(path: string): boolean {
  try {
    return isNowhere(path);
  } catch {
    return false;
  }
}

/** What to do about it. */
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
    advice.warn(`The state of the service is not known: ${service.error} ${service.hint ?? ''}`.trim());
  } else if (service.running && !runner.running && runner.error === undefined) {
    advice.warn(
      'The service runs, and its runner does not work: it is starting, or waits for something that its log tells.',
      'orp runner logs',
    );
  } else if (service.installed && !service.running && !runner.running && runner.error === undefined) {
    advice.warn('The service is installed and does not run.', 'orp runner restart');
  }
  if (runner.paused !== undefined) {
    const { message, until_utc: until } = runner.paused;
    const next =
      until === undefined ? 'The runner tries again by itself.' : `Nothing is claimed until ${until}.`;
    advice.warn(`The agent takes no work: ${message} ${next}`);
  }
  if (runner.running && runner.version !== own.version) {
    const command = runner.started_by === 'service' ? 'orp runner restart' : 'orp runner work --takeover';
    advice.warn(`The runner is version ${runner.version}, this \`orp\` is ${own.version}.`, command);
  }
  if (runner.error !== undefined) advice.warn(`Whether a runner works here is not known: ${runner.error}`);
  if (runner.abandoned)
    advice.note('The last runner ended without saying so; the next one resolves what it left.');
  if (spool.leases > 0 && !runner.running) {
    const what = spool.leases === 1 ? 'One job waits' : `${spool.leases} jobs wait`;
    advice.warn(`${what} on this machine to be told to the service.`, 'orp runner work --once');
  }
  if (kept.jobs > 0) {
    const jobs = kept.jobs === 1 ? 'one job' : `${kept.jobs} jobs`;
    advice.warn(
      `What ${jobs} left was not taken by the service, or could not be read; it lies in ${kept.path}. Look at it (an answer is in \`result.json\`), then remove the folder.`,
      `ls ${shellWord(kept.path)}`,
    );
  }
  if (own.isWorkReady && !service.installed && !runner.running && runner.error === undefined) {
    advice.note('Nothing works on jobs here now.', 'orp runner install');
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Removed meanwhile, or never there.
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
