/**
 * `machine.json`: this computer as a runner.
 *
 * The machine id is an identity that the hosted side has bound to an account: losing it means a new, unknown machine.
 * It is therefore kept twice. A record that is torn, or has vanished, gets its id back from the second copy or from a
 * repository's `runner.json`; it comes back disabled, because working for others needs the owner's consent again.
 */

import { hostname } from 'node:os';
import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { CliError } from '../base/exit.ts';
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

/** An id on a line of its own, in a copy that may be damaged, too. */
const ID_LINE = /^\S{1,128}$/;

/** Something a person should know, and what to do about it. */
export interface Advice {
  message: string;
  hint?: string;
}

/** The record, and what had to be repaired to have one. */
export interface Machine {
  record: RunnerMachine;
  path: string;
  repaired: Advice[];
}

/** Where a machine record lives, and where its id can be found again. */
export interface MachinePlace {
  env: NodeJS.ProcessEnv;
  now: number;
  /** A repository whose `runner.json` may know the id. */
  repository?: LinkableRepository | undefined;
}

/** Rebuilds a record; undefined when it has no id. */
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

/** The machine record; made on the first read, repaired when it is torn. */
export async function loadMachine(place: MachinePlace): Promise<Machine> {
  const path = machinePath(place.env);
  const record = readMachine(place);
  if (record !== undefined && readIdCopy(place) === record.machine_id) return { record, path, repaired: [] };
  return withLock(userFolder(place.env), () => repairMachine(place));
}

/** Changes the record as the only writer. */
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

/** Leaves a copy of the record in a repository. */
export async function copyMachineTo(repository: LinkableRepository, record: RunnerMachine): Promise<void> {
  await withLock(linkFolder(repository), () => writeJsonFile(repoRunnerPath(repository), record));
}

/** The precondition ENABLED. A record that had to be repaired has lost the owner's consent, and says so. */
export function requireEnabled(machine: Machine): RunnerMachine {
  if (machine.record.runner_enabled) return machine.record;
  const repair = machine.repaired[0]?.message;
  throw new CliError(
    repair === undefined
      ? 'The runner of this machine is not enabled.'
      : `${repair} The runner is not enabled.`,
    { code: repair === undefined ? 'runner_disabled' : 'torn_state', hint: 'Run `orp runner enable`.' },
  );
}

function readMachine(place: MachinePlace): RunnerMachine | undefined {
  const record = readJsonObject(machinePath(place.env));
  return record === undefined ? undefined : normaliseMachine(record);
}

/**
 * Under the lock: makes sure that there is a record with an id, and that the id has its copy. The copy comes first: a
 * crash between the two never loses an identity.
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
    // A state folder that cannot be written takes away the second copy, not the first.
  }
}

/** Sets a torn file aside and says what became of the identity. A first start is nothing to talk about. */
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
      message: `${what} this machine has a new machine id.`,
      hint: 'Put the old machine_id back into the file if you know it, then run `orp runner enable` and `orp runner sync`.',
    };
  }
  return {
    message: `${what} the machine id was recovered.`,
    hint: `Run \`orp runner enable\`. To start as a new machine instead, remove ${machineIdCopyPath(place.env)} as well.`,
  };
}

/** A repository may have been copied from another computer: it is asked only when there was a record here. */
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
