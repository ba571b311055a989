/** What the runner reports of itself with every heartbeat: the backlog on its disk, and how it drives its agent. */

import type { DrivenWay } from '../../agents/agent.ts';
import type { HeartbeatExtras, HostedApi } from '../job/hosted-api.ts';
import { readBacklog } from '../spool/backlog.ts';
import { folderName, spoolFolder } from '../spool/places.ts';

export class RunnerReport {
  readonly #folder: string;
  #agent: HeartbeatExtras['agent'];
  /** The leases of jobs at work. */
  leasesAtWork: () => readonly string[] = () => [];

  constructor(env: NodeJS.ProcessEnv, machineId: string) {
    this.#folder = spoolFolder(env, machineId);
  }

  /** The way of the newest prompt. */
  noteWay({ way, version }: DrivenWay): void {
    this.#agent = { way, ...(version === undefined ? {} : { version: version.slice(0, 64) }) };
  }

  /** What the next heartbeat says. */
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

/** Every heartbeat carries the report. */
export function sayingReport(service: HostedApi, report: RunnerReport): HostedApi {
  return {
    ...service,
    heartbeat: (held, draining, extras) =>
      service.heartbeat(held, draining, { ...extras, ...report.current }),
  };
}
