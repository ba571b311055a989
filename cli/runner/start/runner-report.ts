/** The runner's report in every heartbeat: the backlog on its disk, and how it drives its agent. */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DrivenWay } from '../../agents/agent.ts';
import type { OwnerPolicy } from '../../policy/owner-policy.ts';
import { readPolicyFile } from '../../policy/policy-file.ts';
import { notePending } from '../../records/pending-sync.ts';
import type { Candidate } from '../../records/sync-payload.ts';
import type { HeartbeatExtras, HostedApi } from '../job/hosted-api.ts';
import { folderName, spoolFolder } from '../spool/places.ts';

export class RunnerReport {
  readonly #folder: string;
  #agent: HeartbeatExtras['agent'];
  /** The leases of running jobs. */
  leasesAtWork: () => readonly string[] = () => [];

  constructor(env: NodeJS.ProcessEnv, machineId: string) {
    this.#folder = spoolFolder(env, machineId);
  }

  /** How the runner drove the agent for the newest prompt. */
  noteWay({ way, version }: DrivenWay): void {
    this.#agent = { way, ...(version === undefined ? {} : { version: version.slice(0, 64) }) };
  }

  /** The report for the next heartbeat. */
  get current(): Pick<HeartbeatExtras, 'spool' | 'agent'> {
    const busy = new Set(this.leasesAtWork().map(folderName));
    const { leases, bytes, oldestAt } = readBacklog(this.#folder, (name) => busy.has(name));
    const at = oldestAt === undefined ? {} : { oldestAt: new Date(oldestAt).toISOString() };
    return {
      spool: { leases, bytes, ...at },
      ...(this.#agent === undefined ? {} : { agent: this.#agent }),
    };
  }
}

export interface PolicyWatchOptions {
  env: NodeJS.ProcessEnv;
  policy: Pick<OwnerPolicy, 'reasonToWait'>;
  findCandidates(): Promise<Candidate[]>;
  /** Called when quiet hours begin or end, or the file becomes invalid or valid. */
  onReason(): void;
}

/** Notices changes of the owner's policy, so that the server hears of them although no job arrives. */
export class PolicyWatch {
  readonly #options: PolicyWatchOptions;
  #file: string | undefined;
  #reason: string | undefined;

  constructor(options: PolicyWatchOptions) {
    this.#options = options;
  }

  /** Marks the linked repositories for a sync when the file has changed. The first call marks them, too. */
  async check(now: number): Promise<void> {
    const { env, policy, findCandidates, onReason } = this.#options;
    const reason = policy.reasonToWait()?.message;
    if (reason !== this.#reason) onReason();
    this.#reason = reason;
    const file = JSON.stringify(readPolicyFile(env));
    if (file === this.#file) return;
    const linked = (await findCandidates()).filter(({ kind }) => kind === 'linked');
    await notePending(
      env,
      linked.map(({ root }) => root),
      now,
    );
    this.#file = file;
  }
}

/** Every heartbeat carries the report. */
export function sayingReport(service: HostedApi, report: RunnerReport): HostedApi {
  return {
    ...service,
    heartbeat: (held, draining, extras) =>
      service.heartbeat(held, draining, { ...extras, ...report.current }),
  };
}

export interface Backlog {
  leases: number;
  bytes: number;
  /** When the oldest spool was last written, in epoch ms. Undefined if there is no spool. */
  oldestAt: number | undefined;
}

/** The maximum number of spools whose size is measured. Further spools are only counted. */
const MEASURED = 1000;

/**
 * Reads the spools of a machine, except the spools of running jobs. A spool that disappears in the meantime was delivered.
 * @param isBusy returns whether a running job uses the spool with this name
 */
export function readBacklog(folder: string, isBusy: (name: string) => boolean): Backlog {
  const left = namesIn(folder).filter((name) => !isBusy(name));
  const backlog: Backlog = { leases: 0, bytes: 0, oldestAt: undefined };
  for (const [at, name] of left.entries()) {
    const measured = at < MEASURED ? measure(join(folder, name)) : { bytes: 0, writtenAt: undefined };
    if (measured === undefined) continue;
    const { bytes, writtenAt = Number.POSITIVE_INFINITY } = measured;
    backlog.leases += 1;
    backlog.bytes += bytes;
    if (writtenAt < (backlog.oldestAt ?? Number.POSITIVE_INFINITY)) backlog.oldestAt = writtenAt;
  }
  return backlog;
}

/** Returns undefined if the path is not a folder or no longer exists. */
function measure(folder: string): { bytes: number; writtenAt: number | undefined } | undefined {
  try {
    const own = statSync(folder);
    if (!own.isDirectory()) return undefined;
    const files = namesIn(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false }));
    const found = files.filter((file) => file !== undefined);
    return {
      bytes: found.reduce((sum, { size }) => sum + size, 0),
      writtenAt: Math.max(own.mtimeMs, ...found.map(({ mtimeMs }) => mtimeMs)),
    };
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
