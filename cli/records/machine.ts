/**
 * `machine.json`: this computer as a runner.
 *
 * The server has bound the machine id to an account, so losing it would mean a new, unknown machine. It is therefore stored
 * twice. A torn or missing record recovers its id from the second copy or from a repository's `runner.json`. A recovered
 * runner is disabled, because running jobs needs the owner's consent again.
 */

import { hostname } from 'node:os';
import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { CliError } from '../base/exit.ts';
import { isSystemError } from '../base/system-error.ts';
import { clientVersion } from '../base/version.ts';
import { compact, readBoolean, readString, readTimestamp } from '../files/fields.ts';
import {
  type JsonObject,
  PRIVATE_MODE,
  readJsonFile,
  readJsonObject,
  readText,
  setAside,
  writeJsonFile,
  writeTextFile,
} from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { machineIdCopyPath, machinePath, userFolder } from '../files/paths.ts';
import { type LinkableRepository, linkFolder, repoRunnerPath } from '../git/repository.ts';

/** An id on its own line, in a copy that may be damaged, too. */
const ID_LINE = /^\S{1,128}$/;

/** A message for the user, and what they can do. */
export interface Advice {
  message: string;
  hint?: string;
}

/** The record, and the repair that it needed. */
export interface Machine {
  record: RunnerMachine;
  path: string;
  repaired: Advice[];
}

/** What is needed to find the machine record, or to restore its id from a copy. */
export interface MachinePlace {
  env: NodeJS.ProcessEnv;
  now: number;
  /** A repository whose `runner.json` may have the id. */
  repository?: LinkableRepository | undefined;
}

/** Rebuilds a record. Returns undefined if it has no id. */
export function normaliseMachine(record: JsonObject): RunnerMachine | undefined {
  const id = readString(record, 'machine_id', 'machineId');
  return id === undefined ? undefined : machineRecord(id, record);
}

function machineRecord(id: string, record: JsonObject): RunnerMachine {
  return compact<RunnerMachine>({
    schema_version: SCHEMA_VERSION,
    machine_id: id,
    machine_name: readString(record, 'machine_name', 'machineName') ?? (hostname().trim() || 'This Machine'),
    platform: readString(record, 'platform') ?? platformName(process.platform),
    app_version: readString(record, 'app_version', 'appVersion'),
    runner_enabled: readBoolean(record, 'runner_enabled', 'runnerEnabled'),
    linked_email: readString(record, 'linked_email', 'linkedEmail'),
    last_heartbeat_at_utc: readTimestamp(record, 'last_heartbeat_at_utc', 'lastHeartbeatAt'),
    last_sync_at_utc: readTimestamp(record, 'last_sync_at_utc', 'lastSyncAt'),
  });
}

function platformName(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'macos';
  return platform === 'win32' ? 'windows' : platform;
}

/** Loads the machine record. Creates it on first use and repairs it if torn. */
export async function loadMachine(place: MachinePlace): Promise<Machine> {
  const path = machinePath(place.env);
  const record = readMachine(place);
  if (record !== undefined && readIdCopy(place) === record.machine_id) return { record, path, repaired: [] };
  try {
    return await withLock(userFolder(place.env), () => repairMachine(place));
  } catch (error) {
    // If the disk is read-only, continue, because the command can still show the record.
    if (record !== undefined && isSystemError(error)) return { record, path, repaired: [] };
    throw error;
  }
}

/** Changes the record under its lock. */
export function updateMachine(
  place: MachinePlace,
  change: (current: RunnerMachine) => Partial<RunnerMachine>,
): Promise<Machine> {
  return withLock(userFolder(place.env), () => {
    const machine = repairMachine(place);
    const record = machineRecord(machine.record.machine_id, { ...machine.record, ...change(machine.record) });
    writeJsonFile(machine.path, record);
    return { ...machine, record };
  });
}

/** Stores a copy of the record in a repository. */
export async function copyMachineTo(repository: LinkableRepository, record: RunnerMachine): Promise<void> {
  await withLock(linkFolder(repository), () => writeJsonFile(repoRunnerPath(repository), record));
}

/** Throws unless the runner is enabled. A repaired record is disabled; the error says so. */
export function requireEnabled(machine: Machine): RunnerMachine {
  if (machine.record.runner_enabled) return machine.record;
  const repair = machine.repaired[0]?.message;
  throw new CliError(
    repair === undefined
      ? 'The runner is not enabled on this machine.'
      : `${repair} The runner is not enabled.`,
    { code: repair === undefined ? 'runner_disabled' : 'torn_state', hint: 'Run `orp runner enable`.' },
  );
}

function readMachine(place: MachinePlace): RunnerMachine | undefined {
  const record = readJsonObject(machinePath(place.env));
  return record === undefined ? undefined : normaliseMachine(record);
}

/**
 * Ensures, under the lock, that a record with an id and a copy of the id exist. The copy is written first, so that a crash
 * never loses the id.
 */
function repairMachine(place: MachinePlace): Machine {
  const path = machinePath(place.env);
  const known = readMachine(place);
  if (known !== undefined) {
    keepIdCopy(place, known.machine_id);
    return { record: known, path, repaired: [] };
  }
  const recovered = recoverId(place);
  const record = machineRecord(recovered ?? crypto.randomUUID(), {
    app_version: clientVersion(place.env),
    ...readJsonObject(path),
    runner_enabled: false,
  });
  keepIdCopy(place, record.machine_id);
  const advice = adviceAfterRepair(place, recovered);
  writeJsonFile(path, record);
  return { record, path, repaired: advice === undefined ? [] : [advice] };
}

function keepIdCopy(place: MachinePlace, id: string): void {
  if (readIdCopy(place) === id) return;
  try {
    writeTextFile(machineIdCopyPath(place.env), `${id}\n`, PRIVATE_MODE);
  } catch {
    // If the state folder is not writable, only the second copy is missing.
  }
}

/** Moves a torn file aside and reports what happened to the id. A first start reports nothing. */
function adviceAfterRepair(place: MachinePlace, recovered: string | undefined): Advice | undefined {
  const path = machinePath(place.env);
  const file = readJsonFile(path);
  if (file.kind === 'absent' && recovered === undefined) return undefined;
  const what =
    file.kind === 'torn'
      ? `${path} was torn and is kept as ${setAside(path, place.now)};`
      : `${path} ${file.kind === 'absent' ? 'was missing' : 'had no machine id'};`;
  if (recovered === undefined) {
    return {
      message: `${what} this machine now has a new machine id.`,
      hint: 'If you know the old machine_id, put it back into the file. Then run `orp runner enable` and `orp runner sync`.',
    };
  }
  return {
    message: `${what} orp restored the machine id from a copy.`,
    hint: `Run \`orp runner enable\`. To start as a new machine instead, also remove ${machineIdCopyPath(place.env)}.`,
  };
}

/** Used only if this machine had a record, because the repository may be a copy from another computer. */
function recoverId(place: MachinePlace): string | undefined {
  const copy = readIdCopy(place);
  if (copy !== undefined || place.repository === undefined) return copy;
  if (readJsonFile(machinePath(place.env)).kind === 'absent') return undefined;
  const id = readString(readJsonObject(repoRunnerPath(place.repository)) ?? {}, 'machine_id', 'machineId');
  return id !== undefined && ID_LINE.test(id) ? id : undefined;
}

function readIdCopy(place: MachinePlace): string | undefined {
  const id = readText(machineIdCopyPath(place.env))?.trim();
  return id !== undefined && ID_LINE.test(id) ? id : undefined;
}
