/**
 * Records the connection and the last error of a running runner for `orp runner status`. The record is written when it
 * changes, which is rare. If it cannot be written, the only effect is that the status lacks these facts.
 */

import { resolve, sep } from 'node:path';
import { cut } from '../../../spec/text.ts';
import type { DrivenWay } from '../../agents/agent.ts';
import { PRIVATE_MODE, readJsonObject, removeLeftTemporaries, writeJsonFile } from '../../files/json-file.ts';
import { runnerLivePath } from '../../files/paths.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import type { CurrentPause } from '../job/claim-pause.ts';

const MAX_MESSAGE = 2000;

interface LivePlace {
  env: NodeJS.ProcessEnv;
  machineId: string;
  instance: string;
  /** The options that decide how the runner drives its agent. `orp runner status` uses them before the first job. */
  agentOptions: { bin: string | undefined; profile: string | undefined; mode: string | undefined };
}

export class LiveRecord {
  readonly #path: string;
  readonly #record: Record<string, unknown>;

  constructor(at: LivePlace) {
    this.#path = runnerLivePath(at.env, at.machineId);
    removeTemporaries(this.#path);
    const { last_error, drained_at_utc } = readJsonObject(this.#path) ?? {};
    const agent_options = { ...at.agentOptions, bin: absoluteBin(at.agentOptions.bin) };
    this.#record = { instance: at.instance, last_error, drained_at_utc, agent_options };
  }

  /** Records that the channel opened or closed. */
  noteChannel({ transport, up }: { transport: string; up: boolean }, now: number): void {
    const { channel } = this.#record;
    const before = JSON.stringify(channel ?? {});
    if (before.startsWith(JSON.stringify({ transport, listening: up }).slice(0, -1))) return;
    this.#write({ channel: { transport, listening: up, since_utc: formatTimestamp(now) } });
  }

  /** Records that a pause of the agent began or ended. */
  notePause(pause: CurrentPause | undefined): void {
    const { code, message, until } = pause ?? {};
    const until_utc = until === undefined ? undefined : formatTimestamp(until);
    this.#write({ paused: code === undefined ? undefined : { code, message, until_utc } });
  }

  /** Records how the runner drives its agent. */
  noteWay({ way, why }: DrivenWay): void {
    const before = JSON.stringify(this.#record.agent);
    if (before !== JSON.stringify({ way, why })) this.#write({ agent: { way, why: cut(why, MAX_MESSAGE) } });
  }

  /** Records that the server has drained this machine, or has ended the drain. */
  noteDrained(isDrained: boolean, now: number): void {
    if (isDrained === (this.#record.drained_at_utc !== undefined)) return;
    this.#write({ drained_at_utc: isDrained ? formatTimestamp(now) : undefined });
  }

  /** Records the newest error that a person should see. */
  noteError(message: string, now: number): void {
    this.#write({ last_error: { message: cut(message, MAX_MESSAGE), at_utc: formatTimestamp(now) } });
  }

  #write(change: Record<string, unknown>): void {
    Object.assign(this.#record, change);
    writeRecord(this.#path, this.#record);
  }
}

/** Records a drain that a person ordered on this machine, for the status while no runner is running. */
export function recordDrained(
  at: { env: NodeJS.ProcessEnv; machineId: string },
  isDrained: boolean,
  now: number,
): void {
  const path = runnerLivePath(at.env, at.machineId);
  const drained_at_utc = isDrained ? formatTimestamp(now) : undefined;
  writeRecord(path, { ...readJsonObject(path), drained_at_utc });
}

/** Makes the path absolute, because the status command may run in another folder. */
function absoluteBin(bin: string | undefined): string | undefined {
  return bin?.includes(sep) ? resolve(bin) : bin;
}

function removeTemporaries(path: string): void {
  try {
    removeLeftTemporaries(path);
  } catch {
    // The folder does not exist yet, or it cannot be changed.
  }
}

function writeRecord(path: string, record: Record<string, unknown>): void {
  try {
    writeJsonFile(path, record, { mode: PRIVATE_MODE });
  } catch {
    // A local error such as a full disk. The runner itself reports it.
  }
}
