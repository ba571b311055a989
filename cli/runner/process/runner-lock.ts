/**
 * One runner per machine. The lock is a file that names the process which holds it, with its start time: a pid that the
 * system gave to somebody else since proves nothing. It is written before the first claim and removed at the end; what a
 * crash leaves behind names a process that no longer runs, and counts as free.
 *
 * Also read by `runner status`, so nothing heavy is loaded here before a lock is taken.
 */

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBoolean, readString } from '../../files/fields.ts';
import { type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../../files/json-file.ts';
import { withLock } from '../../files/lock.ts';
import { runnerLockPath } from '../../files/paths.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import { isStillRunning, type ProcessMark } from './process-table.ts';

/** The runner that holds a machine, in its own words. */
export interface RunnerHolder extends ProcessMark {
  /** One run of the process. */
  instance: string;
  startedAtUtc: string;
  version: string;
  /** As it was asked for: `auto`, `ws`, `sse` or `poll`. */
  transport: string;
  /** Started by the system at login, not by a person at a terminal. */
  isService: boolean;
  /** Works one job and leaves. */
  isOnce: boolean;
  /** Since when it finishes and claims nothing more. */
  drainingAtUtc?: string | undefined;
}

export type RunnerLockState =
  | { kind: 'free' }
  | { kind: 'held'; holder: RunnerHolder }
  /** Left behind by a runner that no longer runs. */
  | { kind: 'abandoned'; holder: RunnerHolder }
  /** There is something, and nobody can read whom it means. */
  | { kind: 'torn' };

/** Whose lock it is, and where. */
export interface LockPlace {
  env: NodeJS.ProcessEnv;
  machineId: string;
}

/** Who holds the machine right now. */
export async function readRunnerLock({ env, machineId }: LockPlace): Promise<RunnerLockState> {
  const file = readJsonFile(runnerLockPath(env, machineId));
  if (file.kind === 'absent') return { kind: 'free' };
  const holder = file.kind === 'read' ? readHolder(file.value) : undefined;
  if (holder === undefined) return { kind: 'torn' };
  return { kind: (await isStillRunning(holder)) ? 'held' : 'abandoned', holder };
}

/** The right to be the runner of a machine. */
export class RunnerLock {
  readonly #place: LockPlace;
  readonly #self: RunnerHolder;

  private constructor(place: LockPlace, self: RunnerHolder) {
    this.#place = place;
    this.#self = self;
  }

  /** Takes the lock, unless a process that lives holds it. Starters that race are put in a row. */
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
   * Whether the lock still says so. A lock that somebody removed or tore is written again; undefined when it is ours,
   * else who has it now.
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

  /** Tells everybody who asks that this runner finishes and claims nothing more. */
  async noteDraining(now: number): Promise<void> {
    await markAsked(this.#place, this.#self, now);
  }

  /** Gives the machine free; a lock that is no longer ours stays. */
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
 * Marks a holder as draining before it is asked to drain. False when it is marked already: a second signal would stop
 * its agents, and whoever takes over means only to wait for them.
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
  // As the target of a signal 0 or less means whole groups of processes, and 1 the process that started everything.
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
