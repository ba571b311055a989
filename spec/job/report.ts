/**
 * What a runner reports of itself with its heartbeats: results on its disk that the server has not taken, and in which
 * way it drives its agent. Operators see it; no rule of the queue depends on it.
 */

/** Ways to drive an agent. A newer runner may name others. */
export const AGENT_WAYS = ['shared_server', 'own_server', 'process'] as const;

export interface SpoolBacklog {
  /** Attempts whose output or result waits on the disk. Jobs at work do not count. */
  leases: number;
  bytes: number;
  /** When the oldest of them was last written, epoch ms; absent: there is none. */
  oldestAt?: number | undefined;
}

export interface SaidReport {
  spool?: SpoolBacklog | undefined;
  agent?: { way: string; version?: string | undefined } | undefined;
}

/** As the server keeps it. */
export interface MachineReport extends SaidReport {
  /** When the server wrote it, epoch ms. */
  at: number;
}

/**
 * Whether a report is worth a written row before the next one is due: the agent is driven in another way, or the backlog
 * began or ended. Its growth can wait.
 */
export function isNotableReport(report: SaidReport | undefined, before: SaidReport | undefined): boolean {
  if (report === undefined) return false;
  const { agent, spool } = report;
  const hasBacklog = (one: SaidReport | undefined) => (one?.spool?.leases ?? 0) > 0;
  return (
    (agent !== undefined && (agent.way !== before?.agent?.way || agent.version !== before?.agent?.version)) ||
    (spool !== undefined && hasBacklog(report) !== hasBacklog(before))
  );
}
