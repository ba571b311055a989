/**
 * What `orp runner status` shows of a running runner: how it is connected, and its last error. Written when it changes, which
 * is rare. If it cannot be written, only this report is missing.
 */

import { resolve, sep } from 'node:path';
import { cut } from '../../../spec/text.ts';
import type { DrivenWay } from '../../agents/agent.ts';
import { PRIVATE_MODE, readJsonObject, writeJsonFile } from '../../files/json-file.ts';
import { runnerLivePath } from '../../files/paths.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import type { CurrentPause } from '../job/claim-pause.ts';

const MAX_MESSAGE = 2000;

interface LivePlace {
  env: NodeJS.ProcessEnv;
  machineId: string;
  instance: string;
  /** The options of this runner that decide in which way it drives its agent; `orp runner status` uses them before the first job. */
  agentOptions: { bin: string | undefined; profile: string | undefined; mode: string | undefined };
}

export class LiveRecord {
  readonly #path: string;
  readonly #record: Record<string, unknown>;

  constructor(at: LivePlace) {
    this.#path = runnerLivePath(at.env, at.machineId);
    const { last_error, drained_at_utc } = readJsonObject(this.#path) ?? {};
    const agent_options = { ...at.agentOptions, bin: absoluteBin(at.agentOptions.bin) };
    this.#record = { instance: at.instance, last_error, drained_at_utc, agent_options };
  }

  /** The channel came up or went down. */
  noteChannel({ transport, up }: { transport: string; up: boolean }, now: number): void {
    const { channel } = this.#record;
    const before = JSON.stringify(channel ?? {});
    if (before.startsWith(JSON.stringify({ transport, listening: up }).slice(0, -1))) return;
    this.#write({ channel: { transport, listening: up, since_utc: formatTimestamp(now) } });
  }

  /** A pause of the agent began, or ended. */
  notePause(pause: CurrentPause | undefined): void {
    const { code, message, until } = pause ?? {};
    const until_utc = until === undefined ? undefined : formatTimestamp(until);
    this.#write({ paused: code === undefined ? undefined : { code, message, until_utc } });
  }

  /** In which way the runner drives its agent. */
  noteWay({ way, why }: DrivenWay): void {
    const before = JSON.stringify(this.#record.agent);
    if (before !== JSON.stringify({ way, why })) this.#write({ agent: { way, why: cut(why, MAX_MESSAGE) } });
  }

  /** The server tells this machine to claim nothing, or to go on. */
  noteDrained(isDrained: boolean, now: number): void {
    if (isDrained === (this.#record.drained_at_utc !== undefined)) return;
    this.#write({ drained_at_utc: isDrained ? formatTimestamp(now) : undefined });
  }

  /** Keeps the newest error that a person should see. */
  noteError(message: string, now: number): void {
    this.#write({ last_error: { message: cut(message, MAX_MESSAGE), at_utc: formatTimestamp(now) } });
  }

  #write(change: Record<string, unknown>): void {
    Object.assign(this.#record, change);
    writeRecord(this.#path, this.#record);
  }
}

/** Records an order of a person on this machine, for a status while no runner is there to hear it from the server. */
export function recordDrained(
  at: { env: NodeJS.ProcessEnv; machineId: string },
  isDrained: boolean,
  now: number,
): void {
  const path = runnerLivePath(at.env, at.machineId);
  const drained_at_utc = isDrained ? formatTimestamp(now) : undefined;
  writeRecord(path, { ...readJsonObject(path), drained_at_utc });
}

/** The status may be asked for in another folder. */
function absoluteBin(bin: string | undefined): string | undefined {
  return bin?.includes(sep) ? resolve(bin) : bin;
}

function writeRecord(path: string, record: Record<string, unknown>): void {
  try {
    writeJsonFile(path, record, { mode: PRIVATE_MODE });
  } catch {
    // A full disk, a lost permission: the runner itself reports it.
  }
}
