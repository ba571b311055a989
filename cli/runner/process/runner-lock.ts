/**
 * Allows one runner per machine. The lock is a file that names the runner's process and its start time, because the system
 * reuses pids. The runner writes the lock before the first claim and removes it when it exits. After a crash, the lock names
 * a process that no longer runs; such a lock counts as free.
 *
 * `runner status` reads the lock, too, so this file loads slow modules only when it takes a lock.
 */

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBoolean, readString } from '../../files/fields.ts';
import { type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../../files/json-file.ts';
import { withLock } from '../../files/lock.ts';
import { runnerLockPath } from '../../files/paths.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import { isStillRunning, type ProcessMark } from './process-table.ts';

/** The runner that holds the lock, as it has described itself. */
export interface RunnerHolder extends ProcessMark {
  /** The id of this run of the process. */
  instance: string;
  startedAtUtc: string;
  version: string;
  /** The requested transport: `auto`, `ws`, `sse` or `poll`. */
  transport: string;
  /** True if the system started the runner as a service. False if a person started it at a terminal. */
  isService: boolean;
  /** True if the runner runs one job and exits. */
  isOnce: boolean;
  /** Since when the runner finishes its jobs and claims no new jobs. */
  drainingAtUtc?: string | undefined;
}

export type RunnerLockState =
  | { kind: 'free' }
  | { kind: 'held'; holder: RunnerHolder }
  /** The lock was left by a runner that no longer runs. */
  | { kind: 'abandoned'; holder: RunnerHolder }
  /** The lock file exists but is unreadable. */
  | { kind: 'torn' };

/** The machine of a lock, and the environment that determines its path. */
export interface LockPlace {
  env: NodeJS.ProcessEnv;
  machineId: string;
}

/** Returns the current holder of the lock. */
export async function readRunnerLock({ env, machineId }: LockPlace): Promise<RunnerLockState> {
  const file = readJsonFile(runnerLockPath(env, machineId));
  if (file.kind === 'absent') return { kind: 'free' };
  const holder = file.kind === 'read' ? readHolder(file.value) : undefined;
  if (holder === undefined) return { kind: 'torn' };
  return { kind: (await isStillRunning(holder)) ? 'held' : 'abandoned', holder };
}

/** The lock of a machine, held by this process. */
export class RunnerLock {
  readonly #place: LockPlace;
  readonly #self: RunnerHolder;

  private constructor(place: LockPlace, self: RunnerHolder) {
    this.#place = place;
    this.#self = self;
  }

  /** Takes the lock unless a living process holds it. Concurrent calls run one after the other. */
  static take(
    place: LockPlace,
    self: RunnerHolder,
  ): Promise<{ kind: 'taken'; lock: RunnerLock } | { kind: 'held'; holder: RunnerHolder }> {
    return underLock(place, async () => {
      const state = await readRunnerLock(place);
      if (state.kind === 'held' && !isSame(state.holder, self)) return { kind: 'held', holder: state.holder };
      writeHolder(place, self);
      return { kind: 'taken', lock: new RunnerLock(place, self) };
    });
  }

  /**
   * Checks the lock, and writes it again if it was removed or damaged. Returns undefined if this process holds the lock,
   * otherwise the new holder.
   */
  confirm(): Promise<RunnerHolder | undefined> {
    const file = readJsonFile(runnerLockPath(this.#place.env, this.#place.machineId));
    const known = file.kind === 'read' ? readHolder(file.value) : undefined;
    if (known !== undefined && isSame(known, this.#self)) return Promise.resolve(undefined);
    return underLock(this.#place, async () => {
      const state = await readRunnerLock(this.#place);
      if (state.kind === 'held') return isSame(state.holder, this.#self) ? undefined : state.holder;
      writeHolder(this.#place, this.#self);
      return undefined;
    });
  }

  /** Records in the lock that this runner finishes its jobs and claims no new ones. */
  async noteDraining(now: number): Promise<void> {
    await markAsked(this.#place, this.#self, now);
  }

  /** Removes the lock, unless another process holds it now. */
  release(): Promise<void> {
    return underLock(this.#place, () => {
      const path = runnerLockPath(this.#place.env, this.#place.machineId);
      const file = readJsonFile(path);
      const holder = file.kind === 'read' ? readHolder(file.value) : undefined;
      if (holder !== undefined && isSame(holder, this.#self)) rmSync(path, { force: true });
    });
  }
}

/**
 * Marks a holder as draining before it gets the signal. Returns false if it is already marked. A second signal would stop
 * its agents, but a takeover must wait for them.
 */
export function markAsked(place: LockPlace, holder: RunnerHolder, now: number): Promise<boolean> {
  return underLock(place, () => markDraining(place, holder, now));
}

function markDraining(place: LockPlace, holder: RunnerHolder, now: number): boolean {
  const file = readJsonFile(runnerLockPath(place.env, place.machineId));
  const known = file.kind === 'read' ? readHolder(file.value) : undefined;
  if (known === undefined || !isSame(known, holder) || known.drainingAtUtc !== undefined) return false;
  writeHolder(place, { ...known, drainingAtUtc: formatTimestamp(now) });
  return true;
}

function underLock<T>({ env, machineId }: LockPlace, work: () => T | Promise<T>): Promise<T> {
  return withLock(dirname(runnerLockPath(env, machineId)), work);
}

function isSame(a: RunnerHolder, b: RunnerHolder): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.instance === b.instance;
}

function writeHolder({ env, machineId }: LockPlace, holder: RunnerHolder): void {
  const record = {
    schema_version: '1.0.0',
    machine_id: machineId,
    pid: holder.pid,
    start_time: holder.startTime,
    instance: holder.instance,
    started_at_utc: holder.startedAtUtc,
    version: holder.version,
    transport: holder.transport,
    service: holder.isService,
    once: holder.isOnce,
    ...(holder.drainingAtUtc === undefined ? {} : { draining_at_utc: holder.drainingAtUtc }),
  };
  writeJsonFile(runnerLockPath(env, machineId), record, { mode: PRIVATE_MODE });
}

function readHolder(record: JsonObject): RunnerHolder | undefined {
  const { pid } = record;
  const startTime = readString(record, 'start_time');
  const instance = readString(record, 'instance');
  // A signal to pid 0 or less goes to a group of processes, and pid 1 is the init process.
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 2 || pid > 2 ** 31 - 1) return undefined;
  if (startTime === undefined || instance === undefined) return undefined;
  return {
    pid,
    startTime,
    instance,
    startedAtUtc: readString(record, 'started_at_utc') ?? '',
    version: readString(record, 'version') ?? 'unknown',
    transport: readString(record, 'transport') ?? '',
    isService: readBoolean(record, 'service'),
    isOnce: readBoolean(record, 'once'),
    drainingAtUtc: readString(record, 'draining_at_utc'),
  };
}
